"""The first words of a message, for lists."""

from __future__ import annotations

import re

PREVIEW_CHARACTERS = 200
_PIECE = re.compile(r"\s+|\S{1,200}")


def preview(text: str | None) -> str | None:
    """The first 200 characters, white space collapsed; None without text (spec: messages.md, Message.preview)."""
    if text is None:
        return None
    found: list[str] = []
    length = 0
    for piece in _PIECE.finditer(text):
        part = " " if piece[0].isspace() else piece[0]
        if not found and part == " ":
            continue
        found.append(part)
        length += len(part)
        if length >= PREVIEW_CHARACTERS:
            break
    return "".join(found)[:PREVIEW_CHARACTERS].rstrip()
