"""Puts messages into an inbox through the product's own transaction, without mail: for tests of reading and labels."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from typing import Any, cast

from mailroom.messages.bodies import pack
from mailroom.messages.commit import NewMessage, commit
from mailroom.messages.labels import ordered
from mailroom.messages.record import Bodies, MessageRecord
from mailroom.runtime import Runtime
from mailroom.store import keys
from tests.support.mails import message_record

EVENTS = {"received": "message.received", "sent": "message.sent"}


def seed(
    runtime: Runtime,
    o: str,
    inbox_id: str,
    *,
    message_id: str | None = None,
    labels: Iterable[str] = ("received", "unread"),
    ts: int | None = None,
    thread_id: str | None = None,
    bodies: Bodies | None = None,
    files: dict[str, bytes] | None = None,
    event_type: str | None = None,
    **fields: Any,
) -> MessageRecord:
    """`files`: attachment id -> content; `fields`: of the record."""
    inbox = runtime.items.get(keys.inbox(o, inbox_id))
    assert inbox is not None
    uid, now = uuid.uuid4().hex, runtime.clock()
    place, data = pack(bodies) if bodies else ("none", b"")
    if place == "blob":
        runtime.blobs.put(keys.blob_body(o, inbox_id, uid), data)
    runtime.blobs.put(keys.blob_raw(o, inbox_id, uid), b"Subject: raw\r\n\r\n", content_type="message/rfc822")
    for attachment_id, content in (files or {}).items():
        runtime.blobs.put(keys.blob_attachment(o, inbox_id, uid, attachment_id), content)
    if files:
        fields.setdefault("attachments", [{"attachment_id": each, "size": len(content)} for each, content in files.items()])
    record = message_record(
        message_id or f"<{uid}@example.com>",
        labels=tuple(ordered(labels)),
        inbox_id=inbox_id,
        pod_id=inbox["pod_id"],
        thread_id="",
        ts=now if ts is None else ts,
        uid=uid,
        same=uid,
        body=place,
        created_at=now,
        updated_at=now,
        ver=now,
        **fields,
    )
    new = NewMessage(
        organization_id=o,
        record=record,
        body=data if place == "item" else None,
        event_type=event_type or next((event for label, event in EVENTS.items() if label in record["labels"]), "message.received"),
        inbox_created_at=inbox["created_at"],
        thread_id=thread_id,
    )
    outcome = commit(new, None, items=runtime.items, clock=runtime.clock, shards=runtime.config.index_shards)
    stored = runtime.items.get(keys.message(o, inbox_id, outcome.message_id))
    assert stored is not None
    return cast(MessageRecord, stored)
