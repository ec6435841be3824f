"""An outgoing message as RFC 5322 bytes: CRLF, 7-bit, the same bytes for the same input."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from mailroom.mail.addresses import Address, check_address
from mailroom.mail.entities import Entity, OutgoingAttachment, attachment_entity, multipart, text_entity
from mailroom.mail.fold import address_field, fold, id_field, text_field
from mailroom.mail.headers import name_problem

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Composition(NamedTuple):
    """Addresses as `a@b` or `Name <a@b>`. There is no Bcc: it belongs on the envelope only."""

    from_: str
    message_id: str
    """With angle brackets."""
    date_ms: int
    seed: str
    """Names the intent to send: a retry makes the same bytes."""
    to: Sequence[str] = ()
    cc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    headers: Mapping[str, str] = MappingProxyType({})
    attachments: Sequence[OutgoingAttachment] = ()


def compose(outgoing: Composition) -> bytes:
    """The mail. ValueError for an address or header name that validation would have refused; whatever else is in a field, it
    stays inside that field."""
    root = _root(outgoing)
    return b"".join([_header(outgoing).encode("ascii"), b"MIME-Version: 1.0\r\n", *root.pieces()])


def rfc5322_date(ms: int) -> str:
    moment = time.gmtime(ms // 1000)
    return (
        f"{_DAYS[moment.tm_wday]}, {moment.tm_mday:02} {_MONTHS[moment.tm_mon - 1]} {moment.tm_year:04}"
        f" {moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02} +0000"
    )


def _header(outgoing: Composition) -> str:
    lines = [
        address_field("From", [check_address(outgoing.from_)]),
        _addresses("To", outgoing.to),
        _addresses("Cc", outgoing.cc),
        _addresses("Reply-To", outgoing.reply_to),
        text_field("Subject", outgoing.subject) if outgoing.subject else "",
        fold("Date", [rfc5322_date(outgoing.date_ms)]),
        _message_id(outgoing.message_id),
        id_field("In-Reply-To", [outgoing.in_reply_to] if outgoing.in_reply_to else []),
        id_field("References", outgoing.references),
        *(_custom(name, value) for name, value in outgoing.headers.items()),
    ]
    if not outgoing.to and not outgoing.cc:
        lines.insert(1, fold("To", ["undisclosed-recipients:;"]))
    return "".join(lines)


def _addresses(name: str, values: Iterable[str]) -> str:
    addresses: list[Address] = [check_address(value) for value in values]
    return address_field(name, addresses) if addresses else ""


def _message_id(value: str) -> str:
    line = id_field("Message-ID", [value])
    if not line:
        raise ValueError("Not a message id")
    return line


def _custom(name: str, value: str) -> str:
    if problem := name_problem(name):
        raise ValueError(problem)
    return text_field(name, value, literal=True)


def _root(outgoing: Composition) -> Entity:
    """mixed( alternative( text, related( html, inline... ) ), attachment... ), without the layers that would hold one part."""
    inline = [item for item in outgoing.attachments if _is_inline(item)] if outgoing.html is not None else []
    others = [item for item in outgoing.attachments if item not in inline]
    body = _body(outgoing, inline, alone=not outgoing.attachments)
    if not others:
        return body
    return multipart("mixed", [body, *map(attachment_entity, others)], seed=f"{outgoing.seed}/mixed")


def _is_inline(item: OutgoingAttachment) -> bool:
    return item.content_disposition == "inline" and bool(item.content_id)


def _body(outgoing: Composition, inline: Sequence[OutgoingAttachment], *, alone: bool) -> Entity:
    text, html = outgoing.text, outgoing.html
    if html is None:
        return text_entity("plain", text or "", alone=alone)
    shown = text_entity("html", html, alone=alone and text is None)
    if inline:
        shown = multipart("related", [shown, *map(attachment_entity, inline)], seed=f"{outgoing.seed}/related")
    if text is None:
        return shown
    return multipart("alternative", [text_entity("plain", text, alone=False), shown], seed=f"{outgoing.seed}/alternative")
