"""How the phrases of `replies_languages` are compared."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

DASHES: Final = "-_=*~#—–‐‑−─━"
DECORATION: Final = f" \t|{DASHES}"

_INVISIBLE: Final = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


def fold(phrase: str) -> str:
    """For comparison: without case, curly apostrophes and the dot that case folding leaves of the Turkish "İ"."""
    return phrase.casefold().replace("\u0307", "").replace("’", "'")


def folded(*tables: Iterable[str], end: str = "") -> tuple[str, ...]:
    return tuple(fold(phrase) + end for table in tables for phrase in table)


def plain(line: str) -> str:
    """The line without invisible characters, with single spaces. Shorter or equal."""
    return " ".join((line if line.isascii() else _INVISIBLE.sub("", line)).split())
