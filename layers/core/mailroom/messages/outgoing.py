"""A mail to be sent: composed, described as the message it will be, and laid down for the provider call."""

from __future__ import annotations

import mimetypes
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

from mailroom import ids
from mailroom.config import Config
from mailroom.errors import Unprocessable, ValidationError
from mailroom.inboxes.record import InboxRecord
from mailroom.mail.addresses import format_address
from mailroom.mail.compose import Composition, compose
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.preview import preview
from mailroom.messages.audience import Audience
from mailroom.messages.bodies import pack
from mailroom.messages.idempotency import Claim
from mailroom.messages.intents import Intent
from mailroom.messages.labels import ordered
from mailroom.messages.record import AttachmentRecord, Bodies, MessageRecord
from mailroom.ports import BlobStore, OutgoingMail
from mailroom.store import keys
from mailroom.store.sizes import item_size
from mailroom.tracking.pixel import with_pixel

OCTET_STREAM = "application/octet-stream"
MAX_LISTED_BYTES = 300 * 1024
"""Of the attachments' descriptions: they must fit an item together with the rest, before anything is composed or stored."""


class NewMail(NamedTuple):
    """What is to be sent, from whatever route it comes."""

    audience: Audience
    headers: dict[str, str]
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    pixel: Callable[[str], str] | None = None
    """Message uid -> what is shown from there, once, when somebody opens the mail; only beside `html`."""
    reply_to: Sequence[str] = ()
    labels: Sequence[str] = ()
    attachments: Sequence[OutgoingAttachment] = ()
    in_reply_to: str | None = None
    references: Sequence[str] = ()
    thread_id: str | None = None


class Prepared(NamedTuple):
    intent: Intent
    raw: bytes
    files: list[tuple[str, bytes, str]]
    """Blob key, content and media type."""


def content_type_of(given: str | None, filename: str | None) -> str:
    return given or (_types().guess_type(filename)[0] if filename else None) or OCTET_STREAM


@cache
def _types() -> mimetypes.MimeTypes:
    """Without the machine's own files, which take long to read: the same name gives the same type everywhere."""
    mimetypes.init(files=[])
    return mimetypes.MimeTypes()


def prepare(mail: NewMail, inbox: InboxRecord, o: str, claim: Claim | None, *, now: int, config: Config) -> Prepared:
    """Raises ValidationError for a mail that is too large, Unprocessable for more attachments than a message can list."""
    intent_id, inbox_id = ids.uuid7(now), inbox["inbox_id"]
    attachments = [described(ids.derived_uuid(intent_id, str(index)), item) for index, item in enumerate(mail.attachments)]
    require_listable(attachments)
    raw = _composed(mail, inbox, intent_id, now)
    if len(raw) > config.max_mail_bytes:
        raise ValidationError.at("attachments", f"The message is larger than {config.max_mail_bytes} bytes")
    bodies = _bodies(mail)
    place, packed = pack(bodies)
    files = [(keys.blob_raw(o, inbox_id, intent_id), raw, "message/rfc822")]
    for part, item in zip(attachments, mail.attachments, strict=True):
        files.append((keys.blob_attachment(o, inbox_id, intent_id, part["attachment_id"]), item.data, part["content_type"]))
    if place == "blob":
        files.append((keys.blob_body(o, inbox_id, intent_id), packed, OCTET_STREAM))
    record = _record(mail, inbox, intent_id, attachments, size=len(raw), place=place, now=now)
    intent = Intent(
        intent_id=intent_id,
        organization_id=o,
        record=record,
        body=packed if place == "item" else None,
        inbox_created_at=inbox["created_at"],
        thread_id=mail.thread_id,
        recipients=mail.audience.envelope(),
        created_at=now,
        claim=claim,
    )
    return Prepared(intent, raw, files)


def lay_down(prepared: Prepared, *, blobs: BlobStore) -> None:
    for key, data, content_type in prepared.files:
        blobs.put(key, data, content_type=content_type)


def mail_of(intent: Intent, raw: bytes) -> OutgoingMail:
    return OutgoingMail(
        intent_id=intent.intent_id,
        return_path=intent.record["inbox_id"],
        recipients=intent.recipients,
        raw=raw,
        organization_id=intent.organization_id,
    )


def _composed(mail: NewMail, inbox: InboxRecord, intent_id: str, now: int) -> bytes:
    """With the pixel, which what is stored as the message's HTML does not have: nobody opens the mail by reading that."""
    html = with_pixel(mail.html, mail.pixel(intent_id)) if mail.html is not None and mail.pixel is not None else mail.html
    return compose(
        Composition(
            from_=_from(inbox),
            message_id=f"<{intent_id}@{inbox['inbox_id'].rpartition('@')[2]}>",
            date_ms=now,
            seed=intent_id,
            to=mail.audience.to,
            cc=mail.audience.cc,
            reply_to=mail.reply_to,
            subject=mail.subject,
            text=mail.text,
            html=html,
            in_reply_to=mail.in_reply_to,
            references=mail.references,
            headers=mail.headers,
            attachments=mail.attachments,
        )
    )


def _from(inbox: InboxRecord) -> str:
    return format_address(inbox.get("display_name"), inbox["inbox_id"])


def _bodies(mail: NewMail) -> Bodies:
    bodies = Bodies()
    if mail.text is not None or mail.html is None:
        bodies["text"] = mail.text or ""
    if mail.html is not None:
        bodies["html"] = mail.html
    if mail.headers:
        bodies["headers"] = mail.headers
    return bodies


def require_listable(attachments: Sequence[AttachmentRecord]) -> None:
    """Raises Unprocessable for more attachments than an item can list."""
    if item_size({"attachments": list(attachments)}) > MAX_LISTED_BYTES:
        raise Unprocessable("The message has too many attachments", fix="Send fewer, or shorten their names.")


def described(attachment_id: str, item: OutgoingAttachment) -> AttachmentRecord:
    """What a message or draft says of a file that it has."""
    record = AttachmentRecord(
        attachment_id=attachment_id,
        size=len(item.data),
        content_type=content_type_of(item.content_type, item.filename),
        content_disposition=item.content_disposition,
    )
    if item.filename:
        record["filename"] = item.filename
    if item.content_id:
        record["content_id"] = item.content_id
    return record


def _record(
    mail: NewMail, inbox: InboxRecord, intent_id: str, attachments: list[AttachmentRecord], *, size: int, place: str, now: int
) -> MessageRecord:
    record: dict[str, Any] = {
        "inbox_id": inbox["inbox_id"],
        "pod_id": inbox["pod_id"],
        "labels": ordered({"sent", *mail.labels}),
        "ts": now,
        "from": _from(inbox),
        "to": mail.audience.to,
        "size": size,
        "created_at": now,
        "updated_at": now,
        "ver": now,
        "uid": intent_id,
        "same": f"sent {intent_id}",
        "body": place,
    }
    optional: dict[str, Any] = {
        "cc": mail.audience.cc,
        "bcc": mail.audience.bcc,
        "reply_to": list(mail.reply_to),
        "subject": mail.subject,
        "preview": preview(mail.text),
        "attachments": attachments,
        "in_reply_to": mail.in_reply_to,
        "references": list(mail.references),
        "opening": intent_id if mail.pixel is not None else None,
    }
    return cast(MessageRecord, record | {name: value for name, value in optional.items() if value})
