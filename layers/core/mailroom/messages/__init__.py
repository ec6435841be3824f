"""Messages: what one mail is, and what may be done with it (spec: messages.md, labels.md)."""
