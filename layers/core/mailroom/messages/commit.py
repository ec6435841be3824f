"""The one transaction that stores a message: receive, and the second half of send (design: data.md, "Writes").

The condition on the message row is what makes a delivery happen once. Of concurrent deliveries to one thread, one wins its version;
the others look again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, cast

from mailroom import ids
from mailroom.clock import Clock
from mailroom.errors import RaceCondition
from mailroom.events.rows import message_event
from mailroom.inboxes.record import live
from mailroom.mail.addresses import bare, strip_plus
from mailroom.messages.index import message_entries, put_entry, thread_entries, transact
from mailroom.messages.labels import RESTRICTED, ordered
from mailroom.messages.record import MessageRecord
from mailroom.messages.threading import Place, Surroundings, Target, look, place
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Check,
    Equals,
    Item,
    ItemStore,
    Lacks,
    Put,
    TransactionCancelled,
    all_of,
    without_key,
)
from mailroom.threads import aggregate
from mailroom.threads.record import ThreadRecord

MAX_ACTIONS = 40
TRIES = 24
DERIVED_TRIES = 3
_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.3


class InboxGone(Exception):
    """The inbox was deleted before the message could be stored."""


class Outcome(NamedTuple):
    message_id: str
    thread_id: str
    result: Literal["stored", "joined", "known"]
    """`joined`: the inbox wrote to itself, and sent and received mail are one message. `known`: was there before. Only what is
    stored keeps its blobs."""


class NewMessage(NamedTuple):
    """A message ready to be stored. `record["thread_id"]` is set when its place is known."""

    organization_id: str
    record: MessageRecord
    body: bytes | None
    """Packed bodies, where the record says that they are kept in an item."""
    event_type: str
    inbox_created_at: int
    """Tells the inbox from a later one with the same address."""
    candidates: tuple[str, ...] = ()
    thread_id: str | None = None
    """The thread decided before: a reply's, a forward's."""
    recipients: tuple[str, ...] = ()
    """Bare addresses, on a sent message."""

    def target(self) -> Target:
        record = self.record
        return Target(self.organization_id, record["inbox_id"], record["message_id"], self.candidates, self.thread_id)


Along = Callable[[Outcome], Sequence[Action]]
"""Actions that must happen with the message; they carry no conditions and touch other items."""


def commit(
    new: NewMessage,
    seen: Surroundings | None,
    *,
    items: ItemStore,
    clock: Clock,
    shards: int,
    along: Along = lambda outcome: (),
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Stores the message. `seen` is what a caller has read (or, to save a trip, supposes); a wrong one costs another try.

    Raises InboxGone, RaceCondition after many lost races, StoreBusy.
    """
    writer = _Writer(items, clock, shards, along)
    for attempt in range(TRIES):
        seen = seen or look(new.target(), items=items)
        if seen.message is not None:
            settled = writer.meet(new, seen.message, seen)
            if isinstance(settled, Outcome):
                return settled
            if settled is not None:
                new, seen = settled, None
                continue
        elif outcome := writer.store(new, seen, attempt):
            return outcome
        seen = None
        pause(random.uniform(_WAIT_S, min(_LONGEST_WAIT_S, _WAIT_S * 2 ** (attempt + 1))))
    raise RaceCondition


def known(new: NewMessage, seen: Surroundings) -> Outcome | None:
    """What is already stored of this very mail, so that nothing needs to be prepared."""
    existing = seen.message
    if existing is not None and _relation(existing, new.record) == "same":
        return Outcome(existing["message_id"], existing["thread_id"], "known")
    return None


class _Writer(NamedTuple):
    items: ItemStore
    clock: Clock
    shards: int
    along: Along

    def store(self, new: NewMessage, seen: Surroundings, attempt: int) -> Outcome | None:
        """None when a race was lost. Raises InboxGone."""
        now = self.clock()
        where = place(new.target(), seen, fresh=_fresh_thread(new, attempt), now=now)
        record = cast(MessageRecord, {**new.record, "thread_id": where.thread_id})
        thread = _thread_with(where, record, now)
        outcome = Outcome(record["message_id"], where.thread_id, "stored")
        actions: list[Action] = [
            Put(new.target().key(), cast(Item, record), Absent()),
            self._inbox_check(new),
            *_thread_actions(new.organization_id, where.thread, thread),
            *where.references,
            self._event(new, record, thread),
            *self.along(outcome),
        ]
        if new.body is not None:
            actions.append(Put(keys.body(new.target().key()), {"data": new.body, "uid": record["uid"]}))
        return outcome if self._transact(new, actions, record, thread, now) else None

    def meet(self, new: NewMessage, existing: MessageRecord, seen: Surroundings) -> Outcome | NewMessage | None:
        """The id is taken: by the same mail, by the other half of a mail to oneself, or by another, which then gets a new id."""
        relation = _relation(existing, new.record)
        outcome = Outcome(existing["message_id"], existing["thread_id"], "known")
        if relation == "other":
            return _under_minted_id(new, own="sent" in existing["labels"] and "received" in new.record["labels"])
        thread = seen.threads.get(existing["thread_id"])
        if relation == "half" and thread is not None and not thread.get("deleting"):
            return self._join(new, existing, thread)
        if relation == "half" and (actions := self.along(outcome)):
            self.items.transact(actions)
        return outcome

    def _join(self, new: NewMessage, existing: MessageRecord, thread: ThreadRecord) -> Outcome | None:
        now = self.clock()
        record = _joined(existing, new.record, now)
        outcome = Outcome(record["message_id"], record["thread_id"], "joined")
        updated = aggregate.relabelled(thread, [existing], [record], now=now)
        updated["sent_ts"] = max(record["ts"], thread.get("sent_ts", 0))
        updated["received_ts"] = max(record["ts"], thread.get("received_ts", 0))
        updated = aggregate.sent_lately(updated, new.record, now=now)
        actions: list[Action] = [
            Put(new.target().key(), without_key(record), Equals("ver", existing["ver"])),
            self._inbox_check(new),
            *_thread_actions(new.organization_id, thread, updated),
            self._event(new, record, updated),
            *self.along(outcome),
        ]
        return outcome if self._transact(new, actions, record, updated, now) else None

    def _transact(self, new: NewMessage, actions: list[Action], record: MessageRecord, thread: ThreadRecord, now: int) -> bool:
        """False when a race was lost."""
        entries = [
            *(put_entry(entry, record["ver"], now) for entry in message_entries(new.organization_id, record)),
            *(put_entry(entry, thread["ver"], now) for entry in thread_entries(new.organization_id, thread, self.shards)),
        ]
        try:
            transact(actions, entries, items=self.items, most=MAX_ACTIONS)
        except TransactionCancelled as cancelled:
            if any(isinstance(actions[at], Check) and actions[at].key.sk == "A" for at in cancelled.failures if at < len(actions)):
                raise InboxGone from cancelled
            return False
        return True

    def _inbox_check(self, new: NewMessage) -> Check:
        key = keys.inbox(new.organization_id, new.record["inbox_id"])
        return Check(key, all_of(live(), Equals("created_at", new.inbox_created_at)))

    def _event(self, new: NewMessage, record: MessageRecord, thread: ThreadRecord) -> Put:
        o, ts = new.organization_id, new.record["ts"]
        return message_event(o, record, thread, new.event_type, ts=ts, shards=self.shards, recipients=new.recipients)


def _relation(existing: MessageRecord, new: MessageRecord) -> Literal["same", "half", "other"]:
    if existing["uid"] == new["uid"] or existing["same"] == new["same"]:
        return "half" if _is_other_half(existing, new) else "same"
    if _is_mail_to_self(existing, new):
        return "half" if _is_other_half(existing, new) else "same"
    return "other"


def _is_other_half(existing: MessageRecord, new: MessageRecord) -> bool:
    kinds = {"sent", "received"}
    return not kinds & set(new["labels"]) <= set(existing["labels"])


def _is_mail_to_self(existing: MessageRecord, new: MessageRecord) -> bool:
    """Whether one of them is what this inbox sent to itself and the other claims to be it. The provider dates and re-encodes what
    it sends, so the two halves are not equal byte for byte."""
    inbox_id = existing["inbox_id"]
    sent = next((each for each in (existing, new) if "sent" in each["labels"]), None)
    if sent is None or not _writes_to(sent, inbox_id):
        return False
    same_subject = existing.get("subject", "").split() == new.get("subject", "").split()
    return same_subject and all(bare(each["from"]) == inbox_id for each in (existing, new))


def _writes_to(record: MessageRecord, inbox_id: str) -> bool:
    recipients = [*record["to"], *record.get("cc", ()), *record.get("bcc", ())]
    return any(strip_plus(bare(each)) == inbox_id for each in recipients)


def _joined(existing: MessageRecord, new: MessageRecord, now: int) -> MessageRecord:
    """What the inbox sent itself is its own: no finding about the arrival hides it."""
    record = existing.copy()
    record["labels"] = ordered({*existing["labels"], *new["labels"]} - (RESTRICTED - set(existing["labels"])))
    record["ver"] = existing["ver"] + 1
    record["updated_at"] = now
    if "sent" in new["labels"] and "bcc" in new:
        record["bcc"] = new["bcc"]
    if "automatic" in new:
        record["automatic"] = new["automatic"]
    if "opening" in new:
        record["opening"] = new["opening"]
    return record


def _under_minted_id(new: NewMessage, *, own: bool) -> NewMessage:
    """`own`: a message of this inbox came back, through a list or a forwarder for instance."""
    domain = new.record["inbox_id"].rpartition("@")[2]
    minted = f"<{new.record['uid']}.dup@{domain}>"
    mark = {"automatic": "own"} if own else {}
    return new._replace(record=cast(MessageRecord, {**new.record, "message_id": minted, **mark}))


def _fresh_thread(new: NewMessage, attempt: int) -> str:
    """Both halves of a mail to oneself must start the same thread, whichever comes first; where that id is used up, any other."""
    record = new.record
    if attempt < DERIVED_TRIES and bare(record["from"]) == record["inbox_id"]:
        return own_thread(new.organization_id, record["inbox_id"], record["message_id"])
    return ids.uuid7(record["ts"])


def own_thread(o: str, inbox_id: str, message_id: str) -> str:
    """The thread that a mail from an inbox itself starts there."""
    return ids.derived_uuid("thread", o, inbox_id, message_id)


def _thread_with(where: Place, record: MessageRecord, now: int) -> ThreadRecord:
    if where.thread is None:
        return aggregate.start(record, now=now)
    return aggregate.with_message(where.thread, record, now=now)


def _thread_actions(o: str, before: ThreadRecord | None, after: ThreadRecord) -> list[Action]:
    key = keys.thread(o, after["inbox_id"], after["thread_id"])
    row = without_key(after)
    if before is None:
        return [Put(key, row, Absent()), Put(keys.thread_pointer(o, after["thread_id"]), {"inbox_id": after["inbox_id"]})]
    return [Put(key, row, all_of(Equals("ver", before["ver"]), Lacks("deleting")))]
