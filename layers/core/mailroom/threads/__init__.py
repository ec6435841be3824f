"""Threads: one conversation in one inbox, made and kept by its messages (spec: threads.md)."""
