"""What all keys are made of."""

from __future__ import annotations

ALL = "*"
"""The index partition that holds every item of a kind, whatever its labels."""

TOP = "\uffff"
LAST = "\U0010ffff"
"""Sorts behind every text, also behind those of characters beyond U+FFFF."""


def enc(part: str) -> str:
    return part.replace("%", "%25").replace("#", "%23")


def dec(part: str) -> str:
    return part.replace("%23", "#").replace("%25", "%")


def inbox_partition(o: str, inbox_id: str) -> str:
    return f"{o}#I#{enc(inbox_id)}"
