"""Text of header fields: RFC 2047 encoded words, raw 8-bit, folding."""

from __future__ import annotations

import re

from mailroom.mail import charsets, transfer

# The bound on the text keeps a header full of openings without an end from costing its square.
ENCODED_WORD = re.compile(r"=\?([^?\s*]{1,80})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^\r\n]{0,2000}?)\?=")
_CONTROLS = re.compile("[\x00-\x08\x0a-\x1f\x7f\u2028\u2029]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


def field_text(raw: bytes, limit: int | None = None) -> str:
    """Unfolded text of a raw field value, encoded words still encoded. At most `limit` bytes are looked at."""
    if limit is not None and len(raw) > limit:
        raw = raw[:limit]
    if raw.isascii() and b"\x1b" not in raw:
        text = raw.decode("ascii")
    else:
        text = charsets.decode(raw)
    text = text.strip(" \t\r\n")
    if "\n" in text:
        text = text.replace("\r\n", "").replace("\n", "")
    return text


def decode_field(raw: bytes, limit: int | None = None) -> str:
    """Readable text of a raw unstructured field value: unfolded, decoded, without controls."""
    return printable(decode_words(field_text(raw, limit)))


def printable(text: str) -> str:
    """One line: runs of control characters become a blank, tabs stay, lone surrogates are replaced."""
    if text.isascii() and text.isprintable():
        return text
    return _SURROGATES.sub("\ufffd", _CONTROLS.sub(" ", text)).strip(" \t")


def decode_words(text: str) -> str:
    """Encoded words decoded wherever they stand; neighbours of one charset are joined first, since mailers split characters."""
    if "=?" not in text:
        return text
    out: list[str] = []
    pending: list[tuple[str, str, str]] = []
    position = 0
    for word in ENCODED_WORD.finditer(text):
        between = text[position : word.start()]
        if between.strip() or not pending:
            out.append(_flush(pending))
            out.append(between)
        pending.append((word[1].lower(), word[2].lower(), word[3]))
        position = word.end()
    out.append(_flush(pending))
    out.append(text[position:])
    return "".join(out)


def _flush(pending: list[tuple[str, str, str]]) -> str:
    out: list[str] = []
    charset, data = "", b""
    for charset_here, encoding, encoded in _joined(pending):
        if charset_here != charset:
            out.append(charsets.decode(data, charset))
            charset, data = charset_here, b""
        data += _word_bytes(encoding, encoded)
    out.append(charsets.decode(data, charset))
    pending.clear()
    return "".join(out)


def _joined(pending: list[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Base64 cut in the middle of a group of four continues in the next word."""
    joined: list[tuple[str, str, str]] = []
    for charset, encoding, encoded in pending:
        last = joined[-1] if joined else None
        if last and encoding == "b" == last[1] and charset == last[0] and len(last[2]) % 4 and not last[2].endswith("="):
            joined[-1] = (charset, "b", last[2] + encoded)
        else:
            joined.append((charset, encoding, encoded))
    return joined


def _word_bytes(encoding: str, encoded: str) -> bytes:
    data = encoded.encode("utf-8", "replace")
    if encoding == "b":
        return transfer.base64(data)
    return transfer.quoted_printable(data.replace(b"_", b"=20"))
