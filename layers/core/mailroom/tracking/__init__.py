"""Whether sent mail was opened: a pixel in it, and who loads that (spec: messages.md, `track_opens`; docs/tracking.md)."""
