"""Deleting a message for good (spec: messages.md, "Delete"). Index entries and blobs go by the change feed."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import NotFound
from mailroom.messages.edits import Edit, commit, plan, retried
from mailroom.messages.service import find
from mailroom.store.port import ItemStore


def delete_message(caller: Caller, inbox_id: str, message_id: str, *, items: ItemStore, clock: Clock, shards: int) -> None:
    """The thread loses what came from the message, and itself with its last one. Raises NotFound, RaceCondition."""
    o = caller.organization_id

    def attempt() -> None:
        started = clock()
        record = find(caller, inbox_id, message_id, items=items)
        threads = plan(o, inbox_id, [Edit(record, None)], items=items, now=started)
        if not threads:
            raise NotFound
        commit(o, threads, items=items, clock=clock, shards=shards, started=started)

    retried(attempt)
