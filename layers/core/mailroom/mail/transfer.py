"""Content-Transfer-Encoding, undone leniently: what can be decoded is, nothing raises."""

from __future__ import annotations

import binascii
import re
from itertools import islice

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_ALPHABET = bytes(set(range(256)) - set(_ALPHABET))
_SPACE = b" \t\r\n"
_PIECE = 1 << 20
_MAX_SEGMENTS = 100_000
_MAX_UU_LINES = 1_000_000
_UU_BEGIN = re.compile(rb"^begin [^\r\n]*", re.MULTILINE)
_LINE = re.compile(rb"[^\r\n]+")
_SOFT_BREAK_WITH_BLANKS = re.compile(rb"=[ \t]+(?=\r?\n|\Z)")


def decode(data: bytes, encoding: str, *, textual: bool = False) -> bytes:
    """Decoded content; `encoding` is the header's value. `textual` content that is not in the encoding it claims stays as it is."""
    match re.sub(r"[^a-z0-9]", "", encoding.partition(";")[0].partition("(")[0].lower()):
        case "base64" | "xbase64" | "b":
            return data if textual and _is_plain_text(data) else base64(data)
        case "quotedprintable" | "qp":
            return quoted_printable(data)
        case "uuencode" | "xuuencode" | "uue" | "xuue":
            return uuencode(data)
        case _:
            return data


def base64(data: bytes) -> bytes:
    """Foreign characters are skipped, missing padding is added. Text after the padding is dropped, further base64 is not."""
    end = data.find(b"=")
    if end < 0 or not data[end:].strip(b"=" + _SPACE):
        try:
            return binascii.a2b_base64(data)
        except binascii.Error:
            return _base64_segment(data)
    decoded = [_base64_segment(data[:end])]
    for segment in re.split(rb"=+", data[end:].lstrip(b"="), maxsplit=_MAX_SEGMENTS):
        joined = segment.translate(None, _SPACE)
        if len(joined) < 2 or joined.translate(None, _ALPHABET) or b" " in segment.strip():
            break
        decoded.append(_base64_segment(joined))
    return b"".join(decoded)


def _base64_segment(data: bytes) -> bytes:
    letters = data.translate(None, _NOT_ALPHABET)
    rest = len(letters) % 4
    # One letter alone holds no byte.
    letters = letters[:-1] if rest == 1 else letters + b"=" * (-len(letters) % 4)
    return binascii.a2b_base64(letters)


def _is_plain_text(data: bytes) -> bool:
    """Text labelled as base64 by mistake: blanks between words, punctuation."""
    head = data[:4096].strip()
    foreign = head.translate(None, _ALPHABET + b"=\r\n")
    return len(foreign) * 10 > len(head)


def quoted_printable(data: bytes) -> bytes:
    if b"=" not in data:
        return data
    if data.count(b"\r") != data.count(b"\r\n"):
        # The C decoder takes a bare CR after `=` for the start of a soft line break and skips to the next LF.
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    if b"= " in data or b"=\t" in data:
        data = _without_blanks_in_soft_breaks(data)
    return binascii.a2b_qp(data)


def _without_blanks_in_soft_breaks(data: bytes) -> bytes:
    """Piece by piece: a substitution keeps a list of all it has found, many times the size of hostile content."""
    cleaned = bytearray()
    start = 0
    while start < len(data):
        line_end = data.find(b"\n", start + _PIECE)
        end = line_end + 1 if line_end >= 0 else len(data)
        cleaned += _SOFT_BREAK_WITH_BLANKS.sub(b"=", data[start:end])
        start = end
    return bytes(cleaned)


def uuencode(data: bytes) -> bytes:
    begin = _UU_BEGIN.search(data)
    if begin is None:
        return data
    decoded = bytearray()
    for line in islice(_LINE.finditer(data, begin.end()), _MAX_UU_LINES):
        if line[0].rstrip() in (b"end", b"`", b""):
            break
        decoded += _uu_line(line[0])
    return bytes(decoded)


def _uu_line(line: bytes) -> bytes:
    try:
        return binascii.a2b_uu(line)
    except binascii.Error:
        # Trailing garbage: some encoders pad lines; the first character says how many bytes there are.
        length = (((line[0] - 32) & 63) * 4 + 5) // 3
    try:
        return binascii.a2b_uu(line[:length])
    except binascii.Error:
        return b""
