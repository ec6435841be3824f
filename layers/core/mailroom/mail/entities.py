"""MIME entities on their way out (RFC 2045, 2046): every one is 7-bit ASCII with lines of at most 998 characters."""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from mailroom.mail.fold import fold, param
from mailroom.mail.params import safe_filename

OCTET_STREAM = "application/octet-stream"
_MAX_LINE = 998
_LINES_AT_ONCE = 8_192
_BYTES_A_LINE = 57
_TYPE = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,64}/[A-Za-z0-9!#$&^_.+-]{1,64}"
    r'(?:\s*;\s*[A-Za-z0-9!#$&^_.+-]{1,64}=(?:[A-Za-z0-9!#$&^_.+-]{1,200}|"[ !#-\[\]-~]{0,200}"))*'
)
_TYPE_PARAM = re.compile(r";\s*")
_EMBEDDABLE = ("message/rfc822", "message/global", "message/delivery-status", "message/disposition-notification")
_MAX_CONTENT_ID = 500
_NOT_IN_CONTENT_ID = re.compile(r"[^!-;=?-~]")
_PLAIN = bytes(range(0x20, 0x7F)) + b"\t\r\n"
_ASCII = bytes(range(0x80))
_MAILBOX_FROM = re.compile(rb"^From ", re.MULTILINE)


class OutgoingAttachment(NamedTuple):
    data: bytes
    filename: str | None = None
    content_type: str | None = None
    content_disposition: Literal["inline", "attachment"] = "attachment"
    content_id: str | None = None
    """With or without angle brackets."""


class Entity(NamedTuple):
    header: str
    """Complete lines."""
    body: Sequence[bytes] = ()

    def pieces(self) -> list[bytes]:
        return [self.header.encode("ascii"), b"\r\n", *self.body]


def text_entity(subtype: str, text: str, *, alone: bool) -> Entity:
    """`alone`: it is the whole mail, so its last line needs a line end of its own; elsewhere the boundary brings that."""
    data = _canonical(text.replace("\0", "").encode("utf-8", "replace"))
    encoding, body = _encode_text(data)
    if alone and encoding != "base64":
        body += b"\r\n"
    header = fold("Content-Type", [f"text/{subtype};", 'charset="utf-8"']) + fold("Content-Transfer-Encoding", [encoding])
    return Entity(header, [body])


def attachment_entity(attachment: OutgoingAttachment) -> Entity:
    kind, params = _split_type(attachment.content_type)
    encoding, body = "base64", []
    if kind.startswith("message/"):
        data = _canonical(attachment.data)
        if kind in _EMBEDDABLE and _is_seven_bit(data):
            encoding, body = "7bit", [data]
        else:
            # RFC 2046, 5.2.1: an embedded message must not be encoded, and 8-bit cannot be relied on.
            kind, params = OCTET_STREAM, []
    if encoding == "base64":
        body = _base64_lines(attachment.data)
    header = fold("Content-Type", _with_params(kind, params))
    header += fold("Content-Transfer-Encoding", [encoding])
    return Entity(header + _disposition(attachment, kind) + _content_id(attachment.content_id), body)


def multipart(subtype: str, entities: Sequence[Entity], *, seed: str) -> Entity:
    """The boundary follows from the seed; `=_` cannot occur in quoted-printable or base64, the rest is searched for it."""
    boundary = _boundary(seed, entities)
    body: list[bytes] = []
    for entity in entities:
        body += [f"--{boundary}\r\n".encode(), *entity.pieces(), b"\r\n"]
    body.append(f"--{boundary}--\r\n".encode())
    return Entity(fold("Content-Type", [f"multipart/{subtype};", f'boundary="{boundary}"']), body)


def _boundary(seed: str, entities: Sequence[Entity]) -> str:
    attempt = 0
    while True:
        digest = hashlib.sha256(f"{attempt}:{seed}".encode("utf-8", "replace")).hexdigest()[:32]
        boundary = f"=_{digest}"
        if not any(boundary.encode() in piece for entity in entities for piece in entity.body):
            return boundary
        attempt += 1


def _canonical(data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _is_seven_bit(data: bytes) -> bool:
    """Can go out as it is and arrives as it is; mailbox files would change lines that begin with `From `."""
    if data.translate(None, _PLAIN) or _MAILBOX_FROM.search(data):
        return False
    return max(map(len, data.split(b"\r\n"))) <= _MAX_LINE


def _encode_text(data: bytes) -> tuple[str, bytes]:
    if _is_seven_bit(data):
        return "7bit", data
    if len(data.translate(None, _ASCII)) * 4 > len(data):
        return "base64", b"".join(_base64_lines(data))
    quoted = binascii.b2a_qp(data, istext=True)
    if b"\n" not in data:
        quoted = quoted.replace(b"=\n", b"=\r\n")
    return "quoted-printable", _MAILBOX_FROM.sub(b"=46rom ", quoted)


def _base64_lines(data: bytes) -> list[bytes]:
    """Lines of 76 characters with CRLF."""
    step = _BYTES_A_LINE * _LINES_AT_ONCE
    lines: list[bytes] = []
    for start in range(0, len(data), step):
        chunk = data[start : start + step]
        encoded = [binascii.b2a_base64(chunk[at : at + _BYTES_A_LINE], newline=False) for at in range(0, len(chunk), _BYTES_A_LINE)]
        lines.append(b"\r\n".join([*encoded, b""]))
    return lines


def _split_type(content_type: str | None) -> tuple[str, list[str]]:
    """Type and parameters; what is malformed, or would open a structure of its own, becomes application/octet-stream."""
    value = (content_type or "").strip()
    if not _TYPE.fullmatch(value) or value.lower().startswith("multipart/"):
        return OCTET_STREAM, []
    kind, *params = _TYPE_PARAM.split(value)
    kept = [item.strip() for item in params if item.partition("=")[0].strip().lower() not in ("name", "boundary")]
    return kind.strip().lower(), kept


def _with_params(kind: str, params: Sequence[str]) -> list[str]:
    atoms = [kind, *params]
    return [atom + ";" for atom in atoms[:-1]] + atoms[-1:]


def _disposition(attachment: OutgoingAttachment, kind: str) -> str:
    filename = safe_filename(attachment.filename)
    if filename is None:
        # Inline text without a name would be read as part of the body.
        is_body = kind in ("text/plain", "text/html")
        return fold("Content-Disposition", ["attachment" if is_body else attachment.content_disposition])
    return fold("Content-Disposition", [attachment.content_disposition + ";", *param("filename", filename)])


def _content_id(content_id: str | None) -> str:
    plain = _NOT_IN_CONTENT_ID.sub("", content_id or "")[:_MAX_CONTENT_ID]
    return fold("Content-ID", [f"<{plain}>"]) if plain else ""
