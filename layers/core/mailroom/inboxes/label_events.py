"""GET /inboxes/{inbox_id}/events: which labels came and went, for auditing and IMAP synchronisation (spec: inboxes.md)."""

from __future__ import annotations

from typing import Any, Literal, TypedDict, cast

from mailroom.callers import Caller
from mailroom.clock import to_wire
from mailroom.http.tokens import Paging
from mailroom.inboxes.access import require_inbox
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Query


class LabelEventRecord(TypedDict):
    """A row of the ev partition `keys.events(o, inbox_id, keys.LABEL_EVENTS)`. Times are milliseconds."""

    organization_id: str
    pod_id: str
    inbox_id: str
    event_id: str
    event_type: Literal["label.added", "label.removed"]
    message_id: str
    label: str
    event_at: int
    created_at: int


def list_label_events(caller: Caller, inbox_id: str, paging: Paging, *, items: ItemStore) -> dict[str, Any]:
    """`ListInboxEventsResponse`, newest first. Raises NotFound."""
    inbox = require_inbox(caller, inbox_id, items=items)
    rows = items.query(list_query(caller.organization_id, inbox_id, paging))
    page = rows[: paging.limit]
    # The change feed may still write events of an inbox that was deleted, when the address is in use again.
    own = [row for row in page if row["event_at"] >= inbox["created_at"]]
    visible = _visible(caller, own, items=items)
    position = [page[-1]["sk"]] if len(rows) > paging.limit else None
    return paging.finish("events", [_render(cast(LabelEventRecord, row)) for row in visible], position)


def list_query(o: str, inbox_id: str, paging: Paging) -> Query:
    partition = keys.events(o, inbox_id, keys.LABEL_EVENTS)
    start = None if paging.position is None else (partition, str(paging.position[0]))
    return Query("ev", partition, paging.limit + 1, descending=not paging.ascending, start=start)


def _visible(caller: Caller, rows: list[Item], *, items: ItemStore) -> list[Item]:
    """Without the events of messages that the caller may not see now; those of deleted messages stay."""
    hidden = caller.unreadable_labels()
    if not hidden:
        return rows
    where = {row["message_id"]: keys.message(caller.organization_id, row["inbox_id"], row["message_id"]) for row in rows}
    messages = items.batch_get(list(where.values()))
    return [row for row in rows if hidden.isdisjoint(messages.get(where[row["message_id"]], {}).get("labels", ()))]


def _render(record: LabelEventRecord) -> dict[str, Any]:
    names = ("organization_id", "pod_id", "inbox_id", "event_id", "event_type", "message_id", "label")
    shown: dict[str, Any] = {name: value for name, value in record.items() if name in names}
    return {**shown, "event_at": to_wire(record["event_at"]), "created_at": to_wire(record["created_at"])}
