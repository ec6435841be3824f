"""Changes of stored messages and of the threads they belong to, in one transaction (design: data.md, "Label change").

Every change of a message moves its thread's version too. A plan made from a thread's row and its conversation is therefore sound
when the row still has its version at the commit, and the conversation has as many messages as the row says.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar, cast

from mailroom.clock import Clock
from mailroom.errors import RaceCondition, ValidationError
from mailroom.messages.index import CONVERSATION, IndexEntry, message_entries, put_entry, thread_entries, without
from mailroom.messages.labels import SYSTEM, visibility
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import (
    MAX_TRANSACTION,
    Action,
    Delete,
    Equals,
    Item,
    ItemStore,
    Lacks,
    Put,
    Query,
    Reads,
    TransactionCancelled,
    all_of,
    without_key,
)
from mailroom.threads import aggregate
from mailroom.threads.record import ThreadRecord

T = TypeVar("T")

TRIES = 24
ABANDON_AFTER_MS = 20_000
"""Index entries written ahead must not wait longer for their transaction: readers clean up what has no item after 15 minutes."""
MAX_THREAD_LABEL_BYTES = 60 * 1024
"""Of a thread's distinct labels, so that its item keeps room for the mail to come."""

_ALL = 1_000_000
_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.3


class LostRace(Exception):
    """What was read is no longer so; read again."""


class Edit(NamedTuple):
    before: MessageRecord
    after: MessageRecord | None
    """None: the message is deleted."""

    @property
    def shifts(self) -> bool:
        """Whether the thread's aggregates change, not only its labels."""
        return self.after is None or visibility(self.before["labels"]) != visibility(self.after["labels"])


class ThreadEdit(NamedTuple):
    before: ThreadRecord
    after: ThreadRecord | None
    """None: with its last message the thread is gone."""
    messages: tuple[Edit, ...]


def retried(attempt: Callable[[], T], *, pause: Callable[[float], None] = time.sleep) -> T:
    """Runs `attempt` until it loses no race. Raises RaceCondition after many."""
    for number in range(TRIES):
        try:
            return attempt()
        except (LostRace, TransactionCancelled):
            pause(random.uniform(_WAIT_S, min(_LONGEST_WAIT_S, _WAIT_S * 2 ** (number + 1))))
    raise RaceCondition


def relabelled(record: MessageRecord, labels: list[str], now: int) -> Edit:
    after = record.copy()
    after["labels"], after["ver"], after["updated_at"] = labels, record["ver"] + 1, now
    return Edit(record, after)


def conversation_queries(o: str, inbox_id: str, thread_id: str, limit: int = _ALL) -> tuple[Query, Query]:
    """The entries of a thread's messages: the visible ones, the hidden ones."""
    partition = keys.index_partition(o, inbox_id, CONVERSATION, thread_id)
    low, high = (keys.index_bounds(v, None, None) for v in (0, 1))
    return Query("idx", partition, limit, low=low[0], high=low[1]), Query("idx", partition, limit, low=high[0], high=high[1])


def conversation(o: str, inbox_id: str, thread_id: str, entries: Iterable[Item], *, items: ItemStore) -> list[MessageRecord]:
    """The messages that the entries lead to and that belong to the thread."""
    wanted = {keys.message_by_digest(o, inbox_id, keys.index_identity(entry["sk"])) for entry in entries}
    found = items.batch_get(list(wanted)) if wanted else {}
    return [cast(MessageRecord, row) for row in found.values() if row["thread_id"] == thread_id]


def plan(o: str, inbox_id: str, edits: Sequence[Edit], *, items: ItemStore, now: int) -> list[ThreadEdit]:
    """What the edits make of their threads. Messages whose thread is being deleted are left out. Raises LostRace."""
    by_thread: dict[str, list[Edit]] = {}
    for edit in edits:
        by_thread.setdefault(edit.before["thread_id"], []).append(edit)
    asked = {
        thread_id: conversation_queries(o, inbox_id, thread_id)
        for thread_id, group in by_thread.items()
        if any(edit.shifts for edit in group)
    }
    rows = {thread_id: keys.thread(o, inbox_id, thread_id) for thread_id in by_thread}
    fetched = items.fetch(Reads(tuple(rows.values()), tuple(query for pair in asked.values() for query in pair)))
    planned = []
    for thread_id, group in by_thread.items():
        thread = cast("ThreadRecord | None", fetched.items.get(rows[thread_id]))
        if thread is None or thread.get("deleting"):
            continue
        others = None
        if thread_id in asked and len(group) < thread["total"]:
            entries = [entry for query in asked[thread_id] for entry in fetched.pages[query]]
            others = conversation(o, inbox_id, thread_id, entries, items=items)
        planned.append(edited(thread, group, others, now=now))
    return planned


def edited(thread: ThreadRecord, edits: Sequence[Edit], messages: Sequence[MessageRecord] | None, *, now: int) -> ThreadEdit:
    """`messages` is the whole conversation, needed where an edit shifts the aggregates and there are other messages. Raises
    LostRace where it is not whole, ValidationError where the thread would carry too many labels."""
    if not any(edit.shifts for edit in edits):
        afters = [edit.after for edit in edits if edit.after is not None]
        after: ThreadRecord | None = aggregate.relabelled(thread, [edit.before for edit in edits], afters, now=now)
    else:
        known = {message["message_id"]: message for message in messages or [edit.before for edit in edits]}
        if len(known) != thread["total"]:
            raise LostRace
        changed = known | {edit.before["message_id"]: edit.after for edit in edits}
        after = aggregate.rebuild(thread, [message for message in changed.values() if message is not None], now=now)
    if after is not None and _label_bytes(after) > max(MAX_THREAD_LABEL_BYTES, _label_bytes(thread)):
        raise ValidationError.at("add_labels", "The thread would carry too many labels")
    return ThreadEdit(thread, after, tuple(edits))


def commit(
    o: str,
    threads: Sequence[ThreadEdit],
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
    started: int,
    along: Sequence[Action] = (),
) -> None:
    """All or nothing, with the actions that must happen along. Index entries that do not fit the transaction are written ahead of
    it: the index may hold too much, never too little. Raises TransactionCancelled, LostRace; at most 50 messages in 50 threads, or
    99 in one."""
    rows = [*(action for thread in threads for action in actions(o, thread)), *along]
    now = clock()
    entries = [put_entry(entry, ver, now) for thread in threads for entry, ver in _new_entries(o, thread, shards)]
    if len(rows) + len(entries) <= MAX_TRANSACTION:
        items.transact([*rows, *entries])
        return
    items.write(entries)
    if clock() - started > ABANDON_AFTER_MS:
        raise LostRace
    items.transact(rows)


def actions(o: str, thread: ThreadEdit) -> list[Action]:
    """The rows of core. What hangs on deleted ones (entries, blobs) goes by the change feed."""
    inbox_id, thread_id = thread.before["inbox_id"], thread.before["thread_id"]
    key, unchanged = keys.thread(o, inbox_id, thread_id), all_of(Equals("ver", thread.before["ver"]), Lacks("deleting"))
    found: list[Action] = []
    if thread.after is None:
        found += [Delete(key, unchanged), Delete(keys.thread_pointer(o, thread_id))]
    else:
        found.append(Put(key, without_key(thread.after), unchanged))
    for edit in thread.messages:
        message, ver = keys.message(o, inbox_id, edit.before["message_id"]), Equals("ver", edit.before["ver"])
        if edit.after is not None:
            found.append(Put(message, without_key(edit.after), ver))
        else:
            found.append(Delete(message, ver))
            if edit.before["body"] == "item":
                found.append(Delete(keys.body(message)))
    return found


def _new_entries(o: str, thread: ThreadEdit, shards: int) -> list[tuple[IndexEntry, int]]:
    found: list[tuple[IndexEntry, int]] = []
    for edit in thread.messages:
        if edit.after is not None:
            fresh = without(message_entries(o, edit.after), message_entries(o, edit.before))
            found += [(entry, edit.after["ver"]) for entry in fresh]
    if thread.after is not None:
        fresh = without(thread_entries(o, thread.after, shards), thread_entries(o, thread.before, shards))
        found += [(entry, thread.after["ver"]) for entry in fresh]
    return found


def _label_bytes(thread: ThreadRecord) -> int:
    """What callers have put on it: the service's own labels are few, and must not be refused."""
    return sum(len(label.encode()) for label in thread["lc"] if label not in SYSTEM)
