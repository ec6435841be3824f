"""Threads as the wire shows them (spec: threads.md, "Objects"). Absent fields are left out."""

from __future__ import annotations

from typing import Any

from mailroom.clock import to_wire
from mailroom.messages.render import attachment
from mailroom.threads.record import ThreadRecord


def thread_item(record: ThreadRecord) -> dict[str, Any]:
    item: dict[str, Any] = {
        "inbox_id": record["inbox_id"],
        "thread_id": record["thread_id"],
        "labels": record["labels"],
        "timestamp": to_wire(record["ts"]),
        "senders": record["senders"],
        "recipients": record["recipients"],
        "last_message_id": record["last_message_id"],
        "message_count": record["message_count"],
        "size": record["size"],
        "updated_at": to_wire(record["updated_at"]),
        "created_at": to_wire(record["created_at"]),
    }
    if "received_ts" in record:
        item["received_timestamp"] = to_wire(record["received_ts"])
    if "sent_ts" in record:
        item["sent_timestamp"] = to_wire(record["sent_ts"])
    if record.get("subject"):
        item["subject"] = record["subject"]
    if record.get("preview"):
        item["preview"] = record["preview"]
    if files := record.get("attachments"):
        item["attachments"] = [attachment(file) for file in files]
    return item
