"""The MIME tree of a raw mail as spans into its bytes: nothing is copied or decoded before it is known to be needed.

`email.parser` turns the whole mail into a list of `str` lines first, several times the size of a large attachment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailroom.mail.fields import Header, read_header
from mailroom.mail.limits import Budget
from mailroom.mail.params import parse_params

_TEXT = "text/plain"
_GUESSED_WITHIN = 4_096
_MAX_BOUNDARY = 200
_CANDIDATES_BETWEEN_CHECKS = 10_000
_LINE_ENDS = b"\r\n"
_REST_OF_LINE = re.compile(rb"[ \t]{0,200}(?:\r{0,2}\n|\r|\Z)")


@dataclass(slots=True)
class Part:
    header: Header
    raw: bytes
    """The whole mail."""
    start: int
    end: int
    """The body's span in `raw`."""
    content_type: str
    params: dict[str, str]
    depth: int = 0

    @property
    def is_multipart(self) -> bool:
        return self.content_type.startswith("multipart/")

    @property
    def subtype(self) -> str:
        return self.content_type.partition("/")[2]

    def body(self) -> bytes:
        return self.raw[self.start : self.end]


def read_part(raw: bytes, start: int, end: int, *, budget: Budget, default_type: str = _TEXT, depth: int = 0) -> Part:
    header, body_start = read_header(raw, start, end, budget, top=depth == 0)
    content_type, params = parse_params(header.first("content-type"))
    return Part(header, raw, body_start, end, _normal_type(content_type, default_type), params, depth)


def _normal_type(content_type: str, default: str) -> str:
    if not content_type:
        return default
    main, slash, sub = content_type.partition("/")
    return content_type if slash and main and sub and "/" not in sub else _TEXT


def children(part: Part, budget: Budget) -> Iterator[Part] | None:
    """The parts of a multipart, read one by one as long as the budget lasts; None when it has none and is to be taken as it is."""
    boundary = _boundary(part, budget)
    return None if boundary is None else _read_children(part, boundary, budget)


def _read_children(part: Part, boundary: bytes, budget: Budget) -> Iterator[Part]:
    default_type = "message/rfc822" if part.subtype == "digest" else _TEXT
    for start, end in _spans(part, boundary, budget):
        if not budget.take_part():
            return
        yield read_part(part.raw, start, end, budget=budget, default_type=default_type, depth=part.depth + 1)


def _boundary(part: Part, budget: Budget) -> bytes | None:
    """The boundary that occurs in the body: the declared one, else the one its first line looks like."""
    declared = part.params.get("boundary", "").strip().encode("utf-8", "replace")[:_MAX_BOUNDARY]
    if declared and _first_delimiter(part, declared, budget):
        return declared
    budget.note("boundary missing")
    guessed = _guess_boundary(part)
    return guessed if guessed and _first_delimiter(part, guessed, budget) else None


def _first_delimiter(part: Part, boundary: bytes, budget: Budget) -> bool:
    return next(_delimiters(part, boundary, budget), None) is not None


def _guess_boundary(part: Part) -> bytes | None:
    head = part.raw[part.start : min(part.end, part.start + _GUESSED_WITHIN)]
    for line in head.splitlines():
        candidate = line.rstrip()
        if candidate.startswith(b"--") and 4 < len(candidate) <= _MAX_BOUNDARY and b" " not in candidate:
            return candidate[2:]
    return None


def _spans(part: Part, boundary: bytes, budget: Budget) -> Iterator[tuple[int, int]]:
    """From after one delimiter line to before the line end that precedes the next; to the end where the last is missing."""
    start: int | None = None
    for line_start, line_end, closing in _delimiters(part, boundary, budget):
        if start is not None:
            yield start, max(start, _before_line_end(part.raw, line_start))
        start = line_end
        if closing:
            return
    if start is None:
        return
    budget.note("closing boundary missing")
    if start < part.end:
        yield start, part.end


def _before_line_end(raw: bytes, position: int) -> int:
    if raw[position - 1 : position] == b"\n":
        position -= 1
    return position - 1 if raw[position - 1 : position] == b"\r" else position


def _delimiters(part: Part, boundary: bytes, budget: Budget) -> Iterator[tuple[int, int, bool]]:
    """Start of the line, start of the next one, whether it closes. Whole lines only: another boundary may begin alike."""
    raw, mark, seen = part.raw, b"--" + boundary, 0
    at = raw.find(mark, part.start, part.end)
    while at >= 0:
        after = at + len(mark)
        if at == part.start or raw[at - 1] in _LINE_ENDS:
            closing = raw.startswith(b"--", after, part.end)
            if rest := _REST_OF_LINE.match(raw, after + 2 * closing, part.end):
                yield at, rest.end(), closing
                after = rest.end()
        seen += 1
        if seen % _CANDIDATES_BETWEEN_CHECKS == 0 and not budget.in_time():
            return
        at = raw.find(mark, after, part.end)
