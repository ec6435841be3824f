"""Drafts as the wire shows them (spec: drafts.md, "Objects"), with `thread_id` for clients of 2025 and what goes beyond the
original (docs/drafts.md). Absent fields are left out."""

from __future__ import annotations

from typing import Any

from mailroom.clock import to_wire
from mailroom.drafts.record import DraftRecord
from mailroom.messages.record import Bodies
from mailroom.messages.render import attachment

_LISTED = ("to", "cc", "bcc", "subject", "preview", "in_reply_to", "forward_of", "send_status", "cancel_on", "cancel_reason")
_WHOLE = ("client_id", "reply_to", "references", "send_error", "force")
_TIMES = ("send_at", "cancelled_at")


def draft_item(record: DraftRecord) -> dict[str, Any]:
    item: dict[str, Any] = {name: record[name] for name in ("inbox_id", "draft_id", "thread_id", "labels")}
    item |= {name: record[name] for name in _LISTED if record.get(name)}  # type: ignore[literal-required]
    if files := record.get("attachments"):
        item["attachments"] = [attachment(file) for file in files]
    item |= {name: to_wire(record[name]) for name in _TIMES if name in record}  # type: ignore[literal-required]
    return item | {"updated_at": to_wire(record["updated_at"])}


def draft(record: DraftRecord, bodies: Bodies) -> dict[str, Any]:
    whole = draft_item(record)
    whole |= {name: record[name] for name in _WHOLE if record.get(name)}  # type: ignore[literal-required]
    whole |= {name: bodies[name] for name in ("text", "html") if name in bodies}
    return whole | {"created_at": to_wire(record["created_at"])}
