"""Which thread a message belongs to, also when an answer arrives before what it answers (spec: messages.md, "Threading").

A message that refers to ids nobody has seen leaves a reference row for each: whoever refers to the same id, or finally is it, joins
the thread that waits there. The rows are written with checks that the message is still absent, and taken away by the message
itself, so of two deliveries at once one loses its transaction and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Check, Delete, Equals, Item, ItemStore, Key, Put, Reads
from mailroom.threads.record import ThreadRecord

NEAREST, OLDEST = 60, 30
"""Candidates looked at: together with the waiting ones they are one batch of reads."""
MAX_WAITING = 8
WAITING_SECONDS = 365 * 24 * 3600


class Target(NamedTuple):
    """The message to be placed. `thread_id` is a thread decided before (a reply's), which wins over everything."""

    organization_id: str
    inbox_id: str
    message_id: str
    candidates: tuple[str, ...] = ()
    thread_id: str | None = None
    deleted_mail: Key | None = None
    """Where it would be written that this very mail was here before and was deleted."""
    list_counts: tuple[Key, ...] = ()
    """Rows that say which allow and block lists there are."""

    def key(self) -> Key:
        return keys.message(self.organization_id, self.inbox_id, self.message_id)

    def waiting(self) -> tuple[str, ...]:
        """The candidates that are waited for: the nearest, and the root, which all messages of a conversation share."""
        if len(self.candidates) <= MAX_WAITING:
            return self.candidates
        return (*self.candidates[: MAX_WAITING - 1], self.candidates[-1])


@dataclass(slots=True)
class Surroundings:
    """What the store holds around a target."""

    inbox: Item | None = None
    deleted: bool = False
    """The target was here before and was deleted."""
    list_counts: dict[Key, Item] = field(default_factory=dict)
    """Of the target's keys."""
    message: MessageRecord | None = None
    """Stored under the target's own id."""
    parents: dict[str, MessageRecord] = field(default_factory=dict)
    """By candidate."""
    waiting: dict[str, str] = field(default_factory=dict)
    """Message id -> the thread that waits for it; the target's own id may be among them."""
    threads: dict[str, ThreadRecord] = field(default_factory=dict)
    """By thread id, those being deleted too."""


class Place(NamedTuple):
    thread_id: str
    thread: ThreadRecord | None
    """None: to be started."""
    references: tuple[Action, ...]
    """Reference rows to leave and to take away, with what must hold for the decision to stand."""


def candidates(message_id: str | None, in_reply_to: Iterable[str], references: Sequence[str]) -> tuple[str, ...]:
    """In-Reply-To, then References from last to first, without the message itself; of very many the nearest and the oldest."""
    found = [each for each in dict.fromkeys([*in_reply_to, *reversed(references)]) if each != message_id]
    if len(found) > NEAREST + OLDEST:
        found = [*found[:NEAREST], *found[-OLDEST:]]
    return tuple(found)


def look(target: Target, *, items: ItemStore) -> Surroundings:
    """One trip, and a second one where there are threads to choose from."""
    o, inbox_id = target.organization_id, target.inbox_id
    messages = {each: keys.message(o, inbox_id, each) for each in target.candidates}
    waited = {each: keys.reference(o, inbox_id, each) for each in (target.message_id, *target.waiting())}
    inbox = keys.inbox(o, inbox_id)
    wanted = {target.thread_id: keys.thread(o, inbox_id, target.thread_id)} if target.thread_id else {}
    deleted = (target.deleted_mail,) if target.deleted_mail else ()
    about = (inbox, target.key(), *deleted, *target.list_counts)
    found = items.fetch(Reads(tuple({*about, *messages.values(), *waited.values(), *wanted.values()}))).items
    seen = Surroundings(
        inbox=found.get(inbox),
        deleted=any(key in found for key in deleted),
        list_counts={key: found[key] for key in target.list_counts if key in found},
        message=cast(MessageRecord | None, found.get(target.key())),
        parents={each: cast(MessageRecord, found[key]) for each, key in messages.items() if key in found},
        waiting={each: found[key]["thread_id"] for each, key in waited.items() if key in found},
        threads={each: cast(ThreadRecord, found[key]) for each, key in wanted.items() if key in found},
    )
    possible = {parent["thread_id"] for parent in seen.parents.values()} | set(seen.waiting.values())
    if seen.message:
        possible.add(seen.message["thread_id"])
    _read_threads(target, possible - wanted.keys(), seen, items=items)
    return seen


def _read_threads(target: Target, thread_ids: Iterable[str], seen: Surroundings, *, items: ItemStore) -> None:
    rows = {each: keys.thread(target.organization_id, target.inbox_id, each) for each in thread_ids}
    if rows:
        found = items.batch_get(list(rows.values()))
        seen.threads |= {each: cast(ThreadRecord, found[key]) for each, key in rows.items() if key in found}


def place(target: Target, seen: Surroundings, *, fresh: str, now: int) -> Place:
    """The decision; `fresh` is the id of a thread to start where none fits."""
    thread_id = target.thread_id if target.thread_id and _usable(seen, target.thread_id) else None
    thread_id = thread_id or _thread_of_parent(target, seen) or _waiting_thread(target, seen) or fresh
    return Place(thread_id, seen.threads.get(thread_id), tuple(_references(target, seen, thread_id, now)))


def _usable(seen: Surroundings, thread_id: str) -> bool:
    """A thread decided before may have been deleted since: then it starts anew under its id, but not while it is being emptied."""
    thread = seen.threads.get(thread_id)
    return thread is None or not thread.get("deleting")


def _live(seen: Surroundings, thread_id: str | None) -> str | None:
    thread = seen.threads.get(thread_id) if thread_id else None
    return thread_id if thread is not None and not thread.get("deleting") else None


def _thread_of_parent(target: Target, seen: Surroundings) -> str | None:
    parent = _parent(target, seen)
    return seen.parents[parent]["thread_id"] if parent else None


def _parent(target: Target, seen: Surroundings) -> str | None:
    """The first candidate that is a message here, and whose thread is not being deleted."""
    for each in target.candidates:
        if each in seen.parents and _live(seen, seen.parents[each]["thread_id"]):
            return each
    return None


def _waiting_thread(target: Target, seen: Surroundings) -> str | None:
    """Somebody referred to this message before, or to one that it refers to."""
    for each in (target.message_id, *target.waiting()):
        if thread_id := _live(seen, seen.waiting.get(each)):
            return thread_id
    return None


def _references(target: Target, seen: Surroundings, thread_id: str, now: int) -> Iterable[Action]:
    o, inbox_id = target.organization_id, target.inbox_id
    own = keys.reference(o, inbox_id, target.message_id)
    waiter = seen.waiting.get(target.message_id)
    yield Check(own, Absent()) if waiter is None else Delete(own, Equals("thread_id", waiter))
    parent = _parent(target, seen)
    nearer = target.candidates[: target.candidates.index(parent)] if parent else target.candidates
    for each in target.waiting():
        if each not in nearer or each in seen.parents or _live(seen, seen.waiting.get(each)):
            continue
        stale = seen.waiting.get(each)
        row: Item = {"thread_id": thread_id, "ttl": now // 1000 + WAITING_SECONDS}
        yield Put(keys.reference(o, inbox_id, each), row, Absent() if stale is None else Equals("thread_id", stale))
        yield Check(keys.message(o, inbox_id, each), Absent())
