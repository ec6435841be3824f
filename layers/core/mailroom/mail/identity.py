"""One hash for all arrivals of one mail: transport adds header fields, re-encodes bodies and changes line ends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from mailroom.mail.fields import Header
from mailroom.mail.parsed import ParsedAttachment, ParsedMail
from mailroom.mail.words import field_text

_CHUNK = 1 << 20
_MAX_DATE = 200


def identity(mail: ParsedMail, header: Header) -> str:
    """SHA-256 in hex over author, date, subject, id and decoded content."""
    digest = hashlib.sha256()
    date = field_text(header.first("date") or b"", _MAX_DATE)
    for value in (mail.from_address or mail.from_, " ".join(date.split()), mail.subject or "", mail.message_id or ""):
        _add(digest, b"field", value.encode())
    for text in (mail.text, mail.html):
        _add(digest, b"text", _text_digest(text))
    for attachment in mail.attachments:
        _add(digest, b"attachment", _attachment_digest(attachment))
    return digest.hexdigest()


def _add(digest: hashlib._Hash, kind: bytes, value: bytes) -> None:
    digest.update(b"%s %d " % (kind, len(value)))
    digest.update(value)


def _text_digest(text: str | None) -> bytes:
    digest = hashlib.sha256()
    for chunk in _chunks(text or ""):
        digest.update(chunk.encode())
    return digest.digest()


def _chunks(text: str) -> Iterator[str]:
    """Without trailing white space: relays add or drop the last line end."""
    end = len(text.rstrip()) if text[-1:].isspace() else len(text)
    for start in range(0, end, _CHUNK):
        yield text[start : min(end, start + _CHUNK)]


def _attachment_digest(attachment: ParsedAttachment) -> bytes:
    if (attachment.content_type or "").startswith(("text/", "message/")):
        return hashlib.sha256(attachment.data.replace(b"\r\n", b"\n").rstrip()).digest()
    return hashlib.sha256(attachment.data).digest()
