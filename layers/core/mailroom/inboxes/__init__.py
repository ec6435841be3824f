"""Inboxes: addresses with a mailbox behind them (spec: inboxes.md)."""
