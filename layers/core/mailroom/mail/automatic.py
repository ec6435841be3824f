"""Whether a mail was made without a human, and how that is known: answers to it may loop (RFC 3834)."""

from __future__ import annotations

from typing import Literal

from mailroom.mail.fields import Header
from mailroom.mail.words import field_text

Automatic = Literal["auto-submitted", "report", "bulk"]

_BULK = frozenset(("bulk", "list", "junk"))
_RESPONDERS = ("x-autoreply", "x-autorespond", "x-auto-reply-from")


def automatic(header: Header, content_type: str) -> Automatic | None:
    """An answer or notice by a program; a report of a mail system; or what went to many: a list's mail may be a human's."""
    if _word(header, "auto-submitted") not in ("", "no") or _word(header, "precedence") == "auto_reply":
        return "auto-submitted"
    if any(header.first(name) is not None for name in _RESPONDERS):
        return "auto-submitted"
    if content_type == "multipart/report" or _word(header, "return-path") == "<>":
        return "report"
    return "bulk" if _word(header, "precedence") in _BULK or header.first("list-id") is not None else None


def _word(header: Header, name: str) -> str:
    """The value before parameters and comments, in lower case."""
    raw = header.first(name)
    return "" if raw is None else field_text(raw, 200).partition(";")[0].partition("(")[0].strip().lower()
