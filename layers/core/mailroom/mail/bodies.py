"""Decoded bytes and text of a leaf of the MIME tree."""

from __future__ import annotations

import re

from mailroom.mail import charsets, transfer
from mailroom.mail.tree import Part
from mailroom.mail.words import field_text

_META_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([A-Za-z0-9._:-]{2,40})", re.IGNORECASE)
_META_WITHIN = 4_096


def decoded(part: Part) -> bytes:
    """The content without its transfer encoding."""
    encoding = _encoding(part)
    return transfer.decode(part.body(), encoding, textual=part.content_type.startswith("text/")) if encoding else part.body()


def decoded_text(part: Part) -> str:
    """Text with LF line ends. The line end that closes the whole mail is SMTP's, not the text's."""
    data = decoded(part)
    charset = part.params.get("charset")
    if charsets.codec_name(charset) is None and part.content_type == "text/html":
        charset = _meta_charset(data)
    if charsets.is_wide(charset):
        return charsets.decode(data, charset).replace("\r\n", "\n").replace("\r", "\n")
    # Line ends are changed in the bytes: a `str` with one emoji takes four bytes a character.
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    if part.depth == 0 and data.endswith(b"\n") and not _encoding(part).lower().startswith("base64"):
        data = data[:-1]
    return charsets.decode(data, charset)


def _encoding(part: Part) -> str:
    raw = part.header.first("content-transfer-encoding")
    return "" if raw is None else field_text(raw, 200)


def _meta_charset(html: bytes) -> str | None:
    match = _META_CHARSET.search(html, 0, _META_WITHIN)
    return match[1].decode("ascii") if match else None
