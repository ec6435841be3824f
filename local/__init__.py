"""Mailroom on one machine: `with local.Stack() as stack: ...` in process, `python -m local` as a program (design: running.md)."""

from local.stack import Stack

__all__ = ["Stack"]
