"""Changing the labels of messages: one, or up to 50 at once (spec: messages.md "Update", "Batch update"; labels.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import NotFound
from mailroom.inboxes.access import require_inbox
from mailroom.messages.edits import Edit, commit, plan, relabelled, retried
from mailroom.messages.inputs import LabelChanges
from mailroom.messages.labels import changed, require_change
from mailroom.messages.record import MessageRecord
from mailroom.messages.service import find, find_all
from mailroom.store.port import ItemStore


class Relabelling(NamedTuple):
    """Labels to add and to remove; removal wins."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @classmethod
    def asked(cls, body: LabelChanges, caller: Caller) -> Relabelling:
        """Raises ValidationError where nothing is asked for, MissingPermission for a restricted label the key may not read."""
        change = cls(tuple(body.get("add_labels", ())), tuple(body.get("remove_labels", ())))
        require_change(change.add, change.remove, caller)
        return change

    def edits(self, records: Sequence[MessageRecord], now: int) -> list[Edit]:
        """For the messages that really change. Raises ValidationError where one would carry too many labels."""
        after = [(record, changed(record["labels"], add=self.add, remove=self.remove)) for record in records]
        return [relabelled(record, labels, now) for record, labels in after if labels != record["labels"]]


def update_message(
    caller: Caller, inbox_id: str, message_id: str, body: LabelChanges, *, items: ItemStore, clock: Clock, shards: int
) -> dict[str, Any]:
    """An UpdateMessageResponse. Raises NotFound, ValidationError, MissingPermission, RaceCondition."""
    change = Relabelling.asked(body, caller)

    def select() -> list[MessageRecord]:
        return [find(caller, inbox_id, message_id, items=items)]

    records = relabel(caller.organization_id, inbox_id, select, change, items=items, clock=clock, shards=shards)
    if not records:
        raise NotFound
    return _update(records[0])


def batch_update(
    caller: Caller,
    inbox_id: str,
    ids: Sequence[str],
    body: LabelChanges,
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
) -> dict[str, Any]:
    """A BatchUpdateMessagesResponse: all found messages change or none does. Raises like `update_message`."""
    change = Relabelling.asked(body, caller)
    require_inbox(caller, inbox_id, items=items)

    def select() -> list[MessageRecord]:
        return find_all(caller, inbox_id, ids, items=items)

    records = relabel(caller.organization_id, inbox_id, select, change, items=items, clock=clock, shards=shards)
    return {"limit": len(ids), "count": len(records), "updates": [_update(record) for record in records]}


def relabel(
    o: str,
    inbox_id: str,
    select: Callable[[], list[MessageRecord]],
    change: Relabelling,
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
) -> list[MessageRecord]:
    """The selected messages as they are afterwards, those being deleted with their thread left out. `select` is asked again after
    each lost race. Also for the service's own labels: nothing is checked here but the number of labels.

    Raises RaceCondition, ValidationError, and what `select` raises.
    """

    def attempt() -> list[MessageRecord]:
        started = clock()
        records = select()
        edits = change.edits(records, started)
        if not edits:
            return records
        threads = plan(o, inbox_id, edits, items=items, now=started)
        if threads:
            commit(o, threads, items=items, clock=clock, shards=shards, started=started)
        done = {edit.before["message_id"]: edit.after for thread in threads for edit in thread.messages}
        gone = {edit.before["message_id"] for edit in edits} - done.keys()
        return [done.get(record["message_id"]) or record for record in records if record["message_id"] not in gone]

    return retried(attempt)


def _update(record: MessageRecord) -> dict[str, Any]:
    return {"message_id": record["message_id"], "labels": record["labels"]}
