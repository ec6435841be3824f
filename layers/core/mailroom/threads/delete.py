"""Deleting a thread for good, whatever its size (spec: threads.md, "Delete"). Index entries and blobs go by the change feed."""

from __future__ import annotations

import contextlib
from typing import cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import MissingPermission
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.keys.scopes import Route
from mailroom.messages.edits import Edit, LostRace, ThreadEdit, actions, conversation, conversation_queries, retried
from mailroom.messages.record import MessageRecord
from mailroom.messages.update import Relabelling
from mailroom.store import keys
from mailroom.store.port import Delete, Equals, ItemStore, Key, Lacks, Put, Reads, TransactionCancelled, all_of, without_key
from mailroom.threads.access import messages_of, open_thread, visible_at_sight
from mailroom.threads.record import ThreadRecord
from mailroom.threads.update import relabel_thread

TRASH = "trash"
MAX_AT_ONCE = 49
"""Messages whose rows, two each, fit one transaction with the thread's two."""
_STEP = 50


def query(request: Request, params: Params) -> bool:
    """Whether the deletion is for good. Clients of early 2026 ask for the trash with `permanent=false`."""
    return params.boolean("permanent", default=True)


def delete_thread(caller: Caller, route: Route, thread_id: str, *, items: ItemStore, clock: Clock, shards: int) -> None:
    """In one transaction where all rows fit; else the thread is marked, exists no longer, and the change feed does the rest
    (`empty`). Raises NotFound, RaceCondition."""
    o = caller.organization_id

    def attempt() -> None:
        thread, store = open_thread(caller, route, thread_id, items=items)
        if thread["total"] > MAX_AT_ONCE and visible_at_sight(caller, thread):
            _mark(o, thread, items=items, now=clock())
            return
        messages = messages_of(caller, thread, items=store)
        if thread["total"] > MAX_AT_ONCE:
            _mark(o, thread, items=items, now=clock())
            return
        if len(messages) != thread["total"]:
            raise LostRace
        items.transact(actions(o, ThreadEdit(thread, None, tuple(Edit(message, None) for message in messages))))

    retried(attempt)


def trash_thread(caller: Caller, route: Route, thread_id: str, *, items: ItemStore, clock: Clock, shards: int) -> None:
    """Puts the thread into the trash, or deletes it for good if it is there already. Raises like `delete_thread` and, from 100
    messages on, Unprocessable."""
    if TRASH in caller.unreadable_labels():
        raise MissingPermission.of(f"label_{TRASH}_read")
    thread, _ = open_thread(caller, route, thread_id, items=items)
    found = Route(inbox_id=thread["inbox_id"])
    if TRASH in thread["labels"]:
        delete_thread(caller, found, thread_id, items=items, clock=clock, shards=shards)
    else:
        change = Relabelling(add=(TRASH,))
        relabel_thread(caller, found, thread_id, change, items=items, clock=clock, shards=shards)


def empty(o: str, inbox_id: str, thread_id: str, *, items: ItemStore) -> None:
    """Deletes the messages of a marked thread, then the thread. May be repeated, and stopped at any point."""
    entry_queries = conversation_queries(o, inbox_id, thread_id)
    pages = items.fetch(Reads(queries=entry_queries)).pages
    entries = [entry for query in entry_queries for entry in pages[query]]
    for start in range(0, len(entries), _STEP):
        messages = conversation(o, inbox_id, thread_id, entries[start : start + _STEP], items=items)
        if messages:
            items.write([delete for message in messages for delete in _message_deletes(o, message)])
    # Where the thread is gone, a repeat has nothing left to do; where it has begun anew, its pointer must stay.
    with contextlib.suppress(TransactionCancelled):
        items.transact(
            [
                Delete(keys.thread(o, inbox_id, thread_id), Equals("deleting", True)),
                Delete(keys.thread_pointer(o, thread_id)),
            ]
        )


def _message_deletes(o: str, message: MessageRecord) -> list[Delete]:
    key: Key = keys.message(o, message["inbox_id"], message["message_id"])
    return [Delete(keys.body(key)), Delete(key, Equals("uid", message["uid"]))]


def _mark(o: str, thread: ThreadRecord, *, items: ItemStore, now: int) -> None:
    marked = cast(ThreadRecord, {**thread, "deleting": True, "ver": thread["ver"] + 1, "updated_at": now})
    key = keys.thread(o, thread["inbox_id"], thread["thread_id"])
    items.transact([Put(key, without_key(marked), all_of(Equals("ver", thread["ver"]), Lacks("deleting")))])
