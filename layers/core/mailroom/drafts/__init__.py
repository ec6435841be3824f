"""Drafts: mail that waits for somebody to send it, or for its time (spec: drafts.md)."""
