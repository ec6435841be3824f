"""Attachments of a received mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mailroom.mail.bodies import decoded
from mailroom.mail.content import Leaf
from mailroom.mail.fields import read_header
from mailroom.mail.limits import Budget, Limits
from mailroom.mail.params import safe_filename
from mailroom.mail.parsed import ParsedAttachment
from mailroom.mail.words import decode_field, field_text, printable

_EMBEDDED = ("message/rfc822", "message/global")
_MAX_CONTENT_ID = 500
_MAX_TYPE = 127
_MAX_SUBJECT_BYTES = 2_000
_SUBJECT_ONLY = Limits(header_lines=500)


def read_attachments(leaves: Iterable[Leaf], budget: Budget) -> Iterator[ParsedAttachment]:
    """Decoded one by one as long as the budget lasts."""
    for leaf in leaves:
        if not budget.in_time():
            return
        data = decoded(leaf.part)
        if not budget.take_decoded(len(data)):
            return
        yield _attachment(leaf, data)


def _attachment(leaf: Leaf, data: bytes) -> ParsedAttachment:
    content_id = _content_id(leaf)
    inline = leaf.disposition == "inline" or (not leaf.disposition and content_id is not None and leaf.related)
    return ParsedAttachment(
        data=data,
        filename=_embedded_name(leaf, data) if leaf.content_type in _EMBEDDED else leaf.filename,
        content_type=printable(leaf.content_type)[:_MAX_TYPE],
        content_disposition="inline" if inline else "attachment",
        content_id=content_id,
    )


def _content_id(leaf: Leaf) -> str | None:
    raw = leaf.part.header.first("content-id")
    if raw is None:
        return None
    return printable(field_text(raw, _MAX_CONTENT_ID)).strip("<> \t") or None


def _embedded_name(leaf: Leaf, data: bytes) -> str:
    """`*.eml`: the given name, else the embedded mail's subject."""
    name = leaf.filename or safe_filename(_subject(data).replace("/", "_").replace("\\", "_")) or "message"
    return name if name.lower().endswith(".eml") else f"{name[:251]}.eml"


def _subject(data: bytes) -> str:
    header, _ = read_header(data, 0, len(data), Budget(_SUBJECT_ONLY, []), top=True)
    raw = header.first("subject")
    return "" if raw is None else decode_field(raw, _MAX_SUBJECT_BYTES)
