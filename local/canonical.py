"""A mail's body as DKIM hashes it (RFC 6376, 3.4), in a time that does not depend on how it is written.

dkimpy's own canonicalization takes quadratic time for long runs of blanks, and splits the whole mail into lines. What is prepared
here it leaves as it is.
"""

from __future__ import annotations

import logging
import re

# dkimpy logs what is in mails.
logging.getLogger("dkimpy").setLevel(logging.CRITICAL)

_LINE_END = re.compile(rb"\r?\n")
_BLANKS = re.compile(rb"[ \t]+")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n|\A\r?\n")


def split(raw: bytes) -> tuple[bytes, bytes]:
    """Header with its last line end, and body, whose line ends are CRLF."""
    found = _END_OF_HEAD.search(raw)
    if found is None:
        return raw, b""
    head = raw[: found.start()]
    return (head + b"\r\n" if head else b""), _LINE_END.sub(b"\r\n", raw[found.end() :])


def prepared(body: bytes, *, relaxed: bool) -> bytes:
    """Of a body from `split`: what the hash is over, except that an empty body is CRLF in the simple form."""
    if relaxed:
        body = _BLANKS.sub(b" ", body).replace(b" \r\n", b"\r\n")
    core = _without_last_line_ends(body)
    return core + b"\r\n" if core else b""


def _without_last_line_ends(body: bytes) -> bytes:
    """A bare CR is content."""
    core = body.rstrip(b"\r\n")
    tail = body[len(core) :]
    if tail.endswith(b"\r"):
        return body
    return core + tail[: tail.rfind(b"\r\r") + 1]
