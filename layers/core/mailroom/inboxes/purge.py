"""Emptying a deleted inbox in bounded, repeatable steps. There is no progress to remember: what remains is the state.

Nothing can be added meanwhile, because every transaction that writes into an inbox carries the condition `live()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from mailroom.clock import Clock
from mailroom.drafts import writing as drafts
from mailroom.drafts.record import DraftRecord
from mailroom.events import types
from mailroom.keys.bound import revoke_bound_keys
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import (
    AtMost,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    ItemStore,
    Key,
    Lacks,
    Query,
    Remove,
    Set,
    Table,
    Update,
    all_of,
    any_of,
)
from mailroom.webhooks.purge import remove_webhooks

PAGE = 100
STEPS = 1000
"""Pages read in one invocation: far below the time that the function has, far above what a single message can need."""
LEASE_MS = 150_000
"""Longer than the function can run: a second purger would race with an inbox created again under the same address."""

INDEX_KINDS = ("M", "T", "D")
EVENT_TYPES = (keys.LABEL_EVENTS, *types.ALL)


class OutOfSteps(Exception):
    """This invocation has done its share."""


def purge_request(o: str, inbox_id: str) -> dict[str, str]:
    """The message of the queue `purge`."""
    return {"organization_id": o, "inbox_id": inbox_id}


def purge_inbox(o: str, inbox_id: str, *, items: ItemStore, blobs: BlobStore, clock: Clock, steps: int = STEPS) -> int | None:
    """Empties the inbox as far as `steps` pages go. None when nothing is left to do, else the seconds after which to go on."""
    wait = _claim(o, inbox_id, items=items, now=clock())
    if wait is not None:
        return wait or None
    try:
        _Purger(o, inbox_id, items, steps).empty()
    except OutOfSteps:
        items.update(keys.inbox(o, inbox_id), (Remove("purging_until"),), Equals("state", "deleting"))
        return 1
    blobs.delete_prefix(keys.blob_inbox(o, inbox_id))
    _release(o, inbox_id, items=items, now=clock())
    return None


class _Purger:
    """One invocation: counts its steps and remembers which partitions it found empty."""

    def __init__(self, o: str, inbox_id: str, items: ItemStore, steps: int) -> None:
        self._o, self._inbox_id, self._items = o, inbox_id, items
        self._steps = steps
        self._emptied: set[str] = set()

    def empty(self) -> None:
        """Raises OutOfSteps."""
        while revoke_bound_keys(self._o, "inbox", self._inbox_id, items=self._items):
            self._step()
        remove_webhooks(self._o, items=self._items, inbox_id=self._inbox_id)
        self._drain_label(keys.ALL)
        while rows := self._core_rows():
            self._delete(rows)
        for event_type in EVENT_TYPES:
            self._drain("ev", keys.events(self._o, self._inbox_id, event_type))
        self._drain("core", keys.lists(self._o, inbox_id=self._inbox_id))
        self._drain("eph", keys.subscriptions(self._o, inbox_id=self._inbox_id))

    def _core_rows(self) -> list[Item]:
        """The next rows besides the inbox itself, whose sort key `A` comes first."""
        self._step()
        return self._items.query(Query("core", keys.inbox_partition(self._o, self._inbox_id), PAGE, low="B"))

    def _delete(self, rows: list[Item]) -> None:
        """As many of the rows as the steps allow, each after everything that is only known from it."""
        pointers: list[Delete] = []
        done: list[Delete] = []
        try:
            for row in rows:
                self._drain_index(row)
                if row["sk"].startswith("T#"):
                    pointers.append(Delete(keys.thread_pointer(self._o, row["thread_id"])))
                if keys.is_draft(Key.of("core", row)):
                    pointers += drafts.beside(self._o, cast(DraftRecord, row))
                done.append(Delete(Key.of("core", row)))
        finally:
            self._items.write(pointers)
            self._items.write(done)

    def _drain_index(self, row: Item) -> None:
        for label in row.get("labels", ()):
            self._drain_label(label)
        if "thread_id" in row:
            self._drain("idx", keys.index_partition(self._o, self._inbox_id, "C", row["thread_id"]))

    def _drain_label(self, label: str) -> None:
        for kind in INDEX_KINDS:
            self._drain("idx", keys.index_partition(self._o, self._inbox_id, kind, label))

    def _drain(self, table: Table, partition: str) -> None:
        if partition in self._emptied:
            return
        for page in self._pages(table, partition):
            self._items.write([Delete(Key.of(table, row)) for row in page])
        self._emptied.add(partition)

    def _pages(self, table: Table, partition: str) -> Iterator[list[Item]]:
        while True:
            self._step()
            page = self._items.query(Query(table, partition, PAGE))
            if page:
                yield page
            if len(page) < PAGE:
                return

    def _step(self) -> None:
        if self._steps <= 0:
            raise OutOfSteps
        self._steps -= 1


def _claim(o: str, inbox_id: str, *, items: ItemStore, now: int) -> int | None:
    """None when the inbox is ours to empty; 0 when it is not being deleted; else the seconds another purger may still hold it."""
    free = any_of(Lacks("purging_until"), AtMost("purging_until", now))
    try:
        items.update(keys.inbox(o, inbox_id), (Set("purging_until", now + LEASE_MS),), all_of(Equals("state", "deleting"), free))
    except ConditionFailed as failed:
        held: Any = failed.item or {}
        return (held["purging_until"] - now) // 1000 + 1 if held.get("state") == "deleting" else 0
    return None


def _release(o: str, inbox_id: str, *, items: ItemStore, now: int) -> None:
    deleting = Equals("state", "deleting")
    freed = (Set("state", "released"), Set("released_at", now), Remove("paused"))
    items.transact([Delete(keys.inbox(o, inbox_id), deleting), Update(keys.address(inbox_id), freed, deleting)])
