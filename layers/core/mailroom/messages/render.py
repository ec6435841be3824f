"""Messages as the wire shows them (spec: messages.md, "Objects"). Absent fields are left out.

`opened_at` is newer than the original's clients (docs/tracking.md)."""

from __future__ import annotations

from typing import Any

from mailroom.clock import to_wire
from mailroom.messages.record import AttachmentRecord, Bodies, MessageRecord

_OPTIONAL = ("cc", "bcc", "subject", "preview")
_REFERENCES = ("in_reply_to", "references")
_BODIES = ("text", "html", "extracted_text", "extracted_html", "headers")


def attachment(record: AttachmentRecord) -> dict[str, Any]:
    """With the boolean `inline` that clients of 2025 expect."""
    return {**record, "inline": record.get("content_disposition") == "inline"}


def message_item(record: MessageRecord) -> dict[str, Any]:
    item: dict[str, Any] = {
        "inbox_id": record["inbox_id"],
        "thread_id": record["thread_id"],
        "message_id": record["message_id"],
        "labels": record["labels"],
        "timestamp": to_wire(record["ts"]),
        "from": record["from"],
        "to": record["to"],
    }
    item |= {name: record[name] for name in _OPTIONAL if record.get(name)}  # type: ignore[literal-required]
    if files := record.get("attachments"):
        item["attachments"] = [attachment(file) for file in files]
    item |= {name: record[name] for name in _REFERENCES if record.get(name)}  # type: ignore[literal-required]
    if "opened_at" in record:
        item["opened_at"] = to_wire(record["opened_at"])
    return item | {
        "size": record["size"],
        "updated_at": to_wire(record["updated_at"]),
        "created_at": to_wire(record["created_at"]),
    }


def message(record: MessageRecord, bodies: Bodies) -> dict[str, Any]:
    """`bodies` may be empty (batch-get)."""
    item = message_item(record)
    if reply_to := record.get("reply_to"):
        item["reply_to"] = reply_to
    return item | {name: bodies[name] for name in _BODIES if name in bodies}  # type: ignore[literal-required]
