"""Header blocks: where the fields are and where the body begins."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from mailroom.mail.limits import Budget

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*){0,20000})\n?")
_BLANK = re.compile(rb"\r{0,4}(?:\n|\Z)")
_LINE = re.compile(rb"[^\n]*\n?")
_MBOX_FROM = re.compile(rb">?From [^\n]*\n")
_KNOWN_FIELD = re.compile(
    rb"(?:From|To|Cc|Subject|Date|Message-ID|Reply-To|Received|Return-Path|MIME-Version|Content-[A-Za-z-]{1,40}|X-[!-9;-~]{1,80}"
    rb"|References|In-Reply-To|Sender|List-[A-Za-z-]{1,40})[ \t]*:",
    re.IGNORECASE,
)
_SEARCHED_FOR_MORE_FIELDS = 2_000


class Field(NamedTuple):
    name: str
    raw: bytes
    """Everything after the colon, folds included."""


class Header:
    """The fields of one header block, in order."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self._first: dict[str, bytes] = {}
        for name, raw in reversed(fields):
            self._first[name.lower()] = raw

    def first(self, name: str) -> bytes | None:
        """Raw value of the first field of that (lower-case) name."""
        return self._first.get(name)

    def all(self, name: str) -> list[bytes]:
        if name not in self._first:
            return []
        return [raw for field_name, raw in self.fields if field_name.lower() == name]


def read_header(raw: bytes, start: int, end: int, budget: Budget, *, top: bool = False) -> tuple[Header, int]:
    """The header block that begins at `start`, and where its body begins. A line that cannot belong to a header ends it,
    unless known fields follow at once (then it is junk between them)."""
    fields: list[Field] = []
    position = _skip_mbox_line(raw, start, end) if top else start
    while position < end:
        if match := _FIELD.match(raw, position, end):
            if not budget.take_header_lines(1 + match[2].count(b"\n")):
                return Header(fields), _after_blank_line(raw, position, end)
            fields.append(Field(match[1].decode("ascii"), match[2]))
            position = match.end()
        elif blank := _BLANK.match(raw, position, end):
            return Header(fields), blank.end()
        elif fields and _fields_follow(raw, position, end):
            budget.note("malformed header line")
            if not budget.take_header_lines(1):
                return Header(fields), _after_blank_line(raw, position, end)
            position = _line_end(raw, position, end)
        else:
            budget.note("no blank line after the header")
            return Header(fields), position
    return Header(fields), end


def _skip_mbox_line(raw: bytes, start: int, end: int) -> int:
    match = _MBOX_FROM.match(raw, start, end)
    return match.end() if match else start


def _line_end(raw: bytes, position: int, end: int) -> int:
    found = raw.find(b"\n", position, end)
    return end if found < 0 else found + 1


def _fields_follow(raw: bytes, position: int, end: int) -> bool:
    """Whether a well-known field name begins a line before the next blank line, not far away."""
    until = min(end, position + _SEARCHED_FOR_MORE_FIELDS)
    while position < until:
        position = _line_end(raw, position, end)
        if _KNOWN_FIELD.match(raw, position, end):
            return True
        if _BLANK.match(raw, position, end):
            return False
    return False


def _after_blank_line(raw: bytes, position: int, end: int) -> int:
    found = [at + len(mark) for mark in (b"\n\n", b"\n\r\n") if (at := raw.find(mark, position, end)) >= 0]
    return min(found, default=end)
