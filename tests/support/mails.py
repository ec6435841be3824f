"""Message records as receiving and sending store them, for tests of what is computed from them."""

from __future__ import annotations

from typing import Any, cast

from mailroom.messages.labels import ordered
from mailroom.messages.record import MessageRecord


def message_record(
    message_id: str = "<m1@example.com>", *, labels: tuple[str, ...] = ("received", "unread"), **given: Any
) -> MessageRecord:
    fields: dict[str, Any] = {
        "inbox_id": "agent@mailroom.local",
        "pod_id": "pod-1",
        "thread_id": "thread-1",
        "message_id": message_id,
        "labels": ordered(labels),
        "ts": 1_700_000_000_000,
        "from": "Ann <ann@example.com>",
        "to": ["agent@mailroom.local"],
        "size": 1000,
        "created_at": 1_700_000_000_000,
        "updated_at": 1_700_000_000_000,
        "ver": 1_700_000_000_000,
        "uid": "uid-1",
        "same": "same-1",
        "body": "none",
    }
    return cast(MessageRecord, fields | given)
