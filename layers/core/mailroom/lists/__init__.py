"""Allow and block lists: who may be written to, who may write (spec: lists.md)."""
