"""Message ids in Message-ID, In-Reply-To and References (RFC 5322, 3.6.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mailroom.mail import words

MAX_LENGTH = 500
MAX_REFERENCE = 998
KEPT_AT_EACH_END = 50
_FIELD_BYTES = 256 * 1024
_ANGLED = re.compile(r"<([^<>]*)>")
_FORBIDDEN = re.compile("[\\s\x00-\x20\x7f-\x9f\ud800-\udfff]")


def message_ids(fields: Iterable[bytes], *, longest: int = MAX_REFERENCE) -> list[str]:
    """All ids in these raw fields, with angle brackets, first mention first. A field that is one bare `a@b` counts as an id."""
    found: dict[str, None] = {}
    left = _FIELD_BYTES
    for raw in fields:
        text = _decoded(words.field_text(raw, left))
        left -= min(left, len(raw))
        inner = _ANGLED.findall(text) if "<" in text else [text] if "@" in text else []
        for token in inner:
            token = token.strip()
            if token and len(token) + 2 <= longest and not _FORBIDDEN.search(token):
                found[f"<{token}>"] = None
    return list(found)


def _decoded(text: str) -> str:
    """Python's email package writes ids that do not fit a line (those of SES do not) as encoded words, against RFC 2047, 5 (3)."""
    start = text.find("=?")
    if start < 0 or text.rfind("<", 0, start) > text.rfind(">", 0, start):
        return text
    return words.decode_words(text)


def kept_references(ids: Sequence[str]) -> list[str]:
    """The first and the last 50."""
    if len(ids) <= 2 * KEPT_AT_EACH_END:
        return list(ids)
    return [*ids[:KEPT_AT_EACH_END], *ids[-KEPT_AT_EACH_END:]]
