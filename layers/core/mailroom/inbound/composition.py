"""A parsed mail as the message of one inbox: ids, labels, new content, sizes that fit an item."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from mailroom import ids, log
from mailroom.inbound.classification import event_type
from mailroom.inbound.notice import Arrival
from mailroom.inboxes.record import InboxRecord
from mailroom.mail.parsed import ParsedAttachment, ParsedMail
from mailroom.mail.preview import preview
from mailroom.mail.replies import extract_html, extract_text
from mailroom.messages.bodies import pack
from mailroom.messages.commit import NewMessage
from mailroom.messages.labels import ordered
from mailroom.messages.record import AttachmentRecord, Automatic, Bodies, MessageRecord
from mailroom.messages.threading import candidates

MAX_RECORD_BYTES = 250 * 1024
NULL_SENDER = "<>"
"""Where neither header nor envelope names anybody: a bounce's reverse path (RFC 5321, 4.5.5)."""
_SHORT_NAME = 40


class Content(NamedTuple):
    """What all receiving inboxes share of a mail."""

    mail: ParsedMail
    bodies: Bodies
    packed: bytes
    place: str
    """Where packed bodies are kept: `item` or `blob`."""
    size: int
    identity: str


def read_content(mail: ParsedMail, raw: bytes) -> Content:
    bodies = _bodies(mail)
    place, packed = pack(bodies)
    return Content(mail, bodies, packed, place, len(raw), mail.identity or hashlib.sha256(raw).hexdigest())


def message_uid(arrival: Arrival, o: str, inbox_id: str) -> str:
    """The same for every delivery of a notice."""
    return ids.derived_uuid("arrival", arrival.provider_id, o, inbox_id)


def attachment_id(uid: str, index: int) -> str:
    return ids.derived_uuid(uid, str(index))


def message_id_of(arrival: Arrival, mail: ParsedMail, inbox_id: str) -> str:
    return mail.message_id or f"<{arrival.provider_id}@{inbox_id.rpartition('@')[2]}>"


def received_message(
    arrival: Arrival, content: Content, labels: frozenset[str], o: str, inbox: InboxRecord, *, now: int
) -> NewMessage:
    mail, inbox_id = content.mail, inbox["inbox_id"]
    uid = message_uid(arrival, o, inbox_id)
    message_id = message_id_of(arrival, mail, inbox_id)
    record: dict[str, Any] = {
        "inbox_id": inbox_id,
        "pod_id": inbox["pod_id"],
        "thread_id": "",
        "message_id": message_id,
        "labels": ordered({"received", "unread", *labels}),
        "ts": arrival.ts,
        "from": mail.from_ or arrival.sender or NULL_SENDER,
        "to": mail.to,
        "size": content.size,
        "created_at": now,
        "updated_at": now,
        "ver": now,
        "uid": uid,
        "same": content.identity,
        "body": content.place,
        "provider_id": arrival.provider_id,
    }
    optional: dict[str, Any] = {
        "reply_to": mail.reply_to,
        "cc": mail.cc,
        "bcc": mail.bcc,
        "subject": mail.subject,
        "preview": preview(content.bodies.get("extracted_text", mail.text)),
        "attachments": [_attachment(uid, index, part) for index, part in enumerate(mail.attachments)],
        "in_reply_to": mail.in_reply_to[0] if mail.in_reply_to else None,
        "references": mail.references,
        "automatic": _automatic(arrival, mail),
    }
    record |= {name: value for name, value in optional.items() if value}
    return NewMessage(
        organization_id=o,
        record=fitted(cast(MessageRecord, record)),
        body=content.packed if content.place == "item" else None,
        event_type=event_type(labels),
        inbox_created_at=inbox["created_at"],
        candidates=candidates(message_id, mail.in_reply_to, mail.references),
    )


def fitted(record: MessageRecord) -> MessageRecord:
    """Hostile mail may list thousands of parts and addresses; what lists show must fit an item, and the raw mail has it all."""
    if _size(record) <= MAX_RECORD_BYTES:
        return record
    shortened = cast(dict[str, Any], record.copy())
    if "attachments" in shortened:
        shortened["attachments"] = [_shortened(each) for each in shortened["attachments"]]
    for name in ("references", "bcc", "cc", "to", "reply_to", "attachments"):
        while _size(shortened) > MAX_RECORD_BYTES and len(shortened.get(name, ())) > 1:
            shortened[name] = shortened[name][: len(shortened[name]) // 2]
    return cast(MessageRecord, shortened)


def _automatic(arrival: Arrival, mail: ParsedMail) -> Automatic | None:
    if arrival.sender.strip() in ("", NULL_SENDER):
        return "null-sender"
    return "marked" if mail.automatic else None


def _bodies(mail: ParsedMail) -> Bodies:
    bodies = Bodies(headers=mail.headers)
    if mail.text is not None:
        bodies["text"] = mail.text
        bodies["extracted_text"] = _extracted(extract_text, mail.text)
    if mail.html is not None:
        bodies["html"] = mail.html
        bodies["extracted_html"] = _extracted(extract_html, mail.html)
    return bodies


def _extracted(extract: Callable[[str], str], content: str) -> str:
    try:
        return extract(content)
    except Exception:  # noqa: BLE001 - a failure here must cost the extract, not the mail (spec: messages.md)
        log.logger.exception("extraction failed")
        return content


def _attachment(uid: str, index: int, part: ParsedAttachment) -> AttachmentRecord:
    record = AttachmentRecord(attachment_id=attachment_id(uid, index), size=len(part.data))
    optional = {
        "filename": part.filename,
        "content_type": part.content_type,
        "content_disposition": part.content_disposition,
        "content_id": part.content_id,
    }
    record |= {name: value for name, value in optional.items() if value}  # type: ignore[typeddict-item]
    return record


def _shortened(record: AttachmentRecord) -> AttachmentRecord:
    kept = {name: value for name, value in record.items() if name != "content_id"}
    if "filename" in kept:
        kept["filename"] = record["filename"][-_SHORT_NAME:]
    return cast(AttachmentRecord, kept)


def _size(record: MessageRecord | dict[str, Any]) -> int:
    return len(json.dumps(record, ensure_ascii=False).encode("utf-8", "replace"))
