"""One event per message and label really changed, by whomever, with those a message is created with (spec: inboxes.md)."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom import ids
from mailroom.messages.labels import ordered
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Delete, Item, ItemStore, Put

KEPT_SECONDS = 90 * 24 * 3600


def label_events(o: str, change: ChangeRecord) -> list[Put]:
    """Derived from the change alone, so that a repeat writes the same rows. Deleting a message changes no label."""
    if change.new is None:
        return []
    before = set(change.old["labels"]) if change.old is not None else set()
    after = set(change.new["labels"])
    return [
        _event(o, change.new, label, operation)
        for operation, labels in (("added", after - before), ("removed", before - after))
        for label in ordered(labels)
    ]


def take_back_late(events: Sequence[Put], *, items: ItemStore) -> None:
    """Takes away those of inboxes that are being deleted or gone, or that belong to a later one with the same address. Called when
    they are written: an inbox that is still there then will be emptied later, of these events too."""
    inboxes = {event.key: keys.inbox(*keys.owner(event.key.pk)) for event in events}
    if not inboxes:
        return
    current = items.batch_get(list(dict.fromkeys(inboxes.values())))
    late = [Delete(event.key) for event in events if _is_late(event, current.get(inboxes[event.key]))]
    if late:
        items.write(late)


def _is_late(event: Put, inbox: Item | None) -> bool:
    return inbox is None or "state" in inbox or bool(event.item["event_at"] < inbox.get("reused_after", 0))


def _event(o: str, message: Item, label: str, operation: str) -> Put:
    at, inbox_id, message_id = message["updated_at"], message["inbox_id"], message["message_id"]
    event_id = ids.event_id(at, o, inbox_id, ids.digest26(message_id), str(message["ver"]), label, operation)
    row = {
        "organization_id": o,
        "pod_id": message["pod_id"],
        "inbox_id": inbox_id,
        "event_id": event_id,
        "event_type": f"label.{operation}",
        "message_id": message_id,
        "label": label,
        "event_at": at,
        "created_at": at,
        "ttl": at // 1000 + KEPT_SECONDS,
    }
    return Put(keys.event(o, inbox_id, keys.LABEL_EVENTS, at, event_id), row)
