"""Changing the labels of a whole thread, atomically (spec: threads.md, "Update labels")."""

from __future__ import annotations

from typing import Any

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import Unprocessable
from mailroom.keys.scopes import Route
from mailroom.messages.edits import LostRace, commit, edited, retried
from mailroom.messages.inputs import LabelChanges
from mailroom.messages.update import Relabelling
from mailroom.store.port import ItemStore
from mailroom.threads.access import messages_of, open_thread, visible_at_sight

MAX_MESSAGES = 99


def update_thread(
    caller: Caller,
    route: Route,
    thread_id: str,
    body: LabelChanges,
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
) -> dict[str, Any]:
    """An UpdateThreadResponse. Raises NotFound, ValidationError, MissingPermission, Unprocessable from 100 messages on,
    RaceCondition."""
    change = Relabelling.asked(body, caller)
    return relabel_thread(caller, route, thread_id, change, items=items, clock=clock, shards=shards)


def relabel_thread(
    caller: Caller,
    route: Route,
    thread_id: str,
    change: Relabelling,
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
) -> dict[str, Any]:
    """Like `update_thread`, with the permissions for the labels checked before."""

    def attempt() -> dict[str, Any]:
        started = clock()
        thread, store = open_thread(caller, route, thread_id, items=items)
        too_long = thread["total"] > MAX_MESSAGES
        messages = [] if too_long and visible_at_sight(caller, thread) else messages_of(caller, thread, items=store)
        if too_long:
            raise Unprocessable(
                "A thread of 100 messages or more cannot change as a whole", fix="Change its messages in batches of 50."
            )
        if len(messages) != thread["total"]:
            raise LostRace
        edits = change.edits(messages, started)
        if not edits:
            return {"thread_id": thread_id, "labels": thread["labels"]}
        result = edited(thread, edits, messages, now=started)
        commit(caller.organization_id, [result], items=items, clock=clock, shards=shards, started=started)
        return {"thread_id": thread_id, "labels": result.after["labels"] if result.after else []}

    return retried(attempt)
