"""The journal of a send: written before the provider is asked, finished with the message (design: architecture.md, decision 4).

An intent holds all that is needed to store the message once the provider's Message-ID is known, so anybody who learns that id can
finish it: the request itself, a retry with the same key, the provider's notice, the sweep.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast
from zlib import crc32

from mailroom.clock import Clock
from mailroom.drafts import claims
from mailroom.drafts.claims import DraftClaim, Release
from mailroom.errors import MailroomError
from mailroom.messages import idempotency, quota
from mailroom.messages.commit import NewMessage, Outcome, commit
from mailroom.messages.idempotency import Claim
from mailroom.messages.index import transact
from mailroom.messages.record import MessageRecord
from mailroom.messages.threading import Surroundings
from mailroom.ports import BlobStore, Timers
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    AtMost,
    Condition,
    Delete,
    Equals,
    Item,
    ItemStore,
    Key,
    Lacks,
    Put,
    Set,
    TransactionCancelled,
    Update,
    all_of,
    any_of,
)

SHARDS = 16
OPEN_SECONDS = 3 * 24 * 3600
DONE_SECONDS = 30 * 24 * 3600


class Intent(NamedTuple):
    intent_id: str
    """Also the `uid` of the message, and what the provider knows the mail by."""
    organization_id: str
    record: MessageRecord
    """All but the message id, which the provider gives, and the thread id."""
    body: bytes | None
    inbox_created_at: int
    thread_id: str | None
    """The parent's; None starts a thread."""
    recipients: tuple[str, ...]
    created_at: int
    claim: Claim | None = None
    draft: DraftClaim | None = None
    """The draft that is sent, claimed with the intent and gone with the stored message."""
    counted: tuple[str, ...] = ()
    """Against which limits its recipients are counted (`quota.limited`), at the time of its creation."""

    @property
    def key(self) -> Key:
        return keys.intent(self.intent_id)

    @property
    def open_row(self) -> Key:
        shard = crc32(self.intent_id.encode()) % SHARDS
        return Key("idx", keys.open_intents(shard), keys.listing_sort(self.created_at, self.intent_id))

    @property
    def blob_prefix(self) -> str:
        return keys.blob_message(self.organization_id, self.record["inbox_id"], self.intent_id)


class Guard(NamedTuple):
    """What must hold, or be done, for a send to begin."""

    action: Action
    refusal: Callable[[Item | None], Exception]
    """What is raised where it fails, given the item that stands there."""


class KeyTaken(Exception):
    """Another request has the idempotency key. `row` is what stands there."""

    def __init__(self, row: Item | None) -> None:
        self.row = row
        super().__init__("idempotency key taken")


def to_row(intent: Intent) -> Item:
    row: Item = {
        "state": "open",
        "intent_id": intent.intent_id,
        "organization_id": intent.organization_id,
        "inbox_id": intent.record["inbox_id"],
        "record": dict(intent.record),
        "inbox_created_at": intent.inbox_created_at,
        "recipients": list(intent.recipients),
        "created_at": intent.created_at,
        "ttl": intent.created_at // 1000 + OPEN_SECONDS,
    }
    optional: dict[str, Any] = {"body": intent.body, "thread_id": intent.thread_id}
    if intent.claim is not None:
        optional |= {"claim_key": intent.claim.key.pk, "fingerprint": intent.claim.fingerprint}
    if intent.draft is not None:
        optional["draft"] = intent.draft.to_row()
    if intent.counted:
        optional["counted"] = list(intent.counted)
    return row | {name: value for name, value in optional.items() if value is not None}


def from_row(row: Item) -> Intent:
    """Of an open intent."""
    claim = Claim(Key("eph", row["claim_key"], "-"), row["fingerprint"]) if "claim_key" in row else None
    return Intent(
        intent_id=row["intent_id"],
        organization_id=row["organization_id"],
        record=cast(MessageRecord, row["record"]),
        body=bytes(row["body"]) if "body" in row else None,
        inbox_created_at=row["inbox_created_at"],
        thread_id=row.get("thread_id"),
        recipients=tuple(row["recipients"]),
        created_at=row["created_at"],
        claim=claim,
        draft=DraftClaim.from_row(row["draft"]) if "draft" in row else None,
        counted=tuple(row.get("counted", ())),
    )


def begin(intent: Intent, guards: Sequence[Guard] = (), *, items: ItemStore, now: int) -> None:
    """Raises KeyTaken where the key was taken meanwhile, and what a guard's refusal says."""
    if intent.claim is not None:
        guards = (Guard(idempotency.running(intent.claim, intent.intent_id, now), KeyTaken), *guards)
    actions: list[Action] = [guard.action for guard in guards]
    actions += [Put(intent.key, to_row(intent), Absent()), Put(intent.open_row, {"intent_id": intent.intent_id})]
    try:
        items.transact(actions)
    except TransactionCancelled as cancelled:
        for position, guard in enumerate(guards):
            if position in cancelled.failures:
                raise guard.refusal(cancelled.failures[position]) from cancelled
        raise


def take_over(intent: Intent, claim: Claim, *, items: ItemStore, now: int) -> None:
    """Another attempt at an intent whose own died; nobody gives it up meanwhile. Raises TransactionCancelled where somebody else
    has taken it over, finished it or given it up."""
    lease = Update(intent.key, (Set("lease", now + idempotency.LOCK_MS),), Equals("state", "open"))
    items.transact([idempotency.running(claim, intent.intent_id, now), lease])


def finish(
    intent: Intent,
    message_id: str,
    seen: Surroundings | None,
    *,
    items: ItemStore,
    blobs: BlobStore,
    clock: Clock,
    shards: int,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome:
    """Stores the message of an accepted mail; the same result whoever does it, and however often. Raises like `commit`."""
    provider_id = message_id.strip("<>").partition("@")[0]
    record = cast(MessageRecord, {**intent.record, "message_id": message_id, "provider_id": provider_id, "thread_id": ""})
    new = NewMessage(
        organization_id=intent.organization_id,
        record=record,
        body=intent.body,
        event_type="message.sent",
        inbox_created_at=intent.inbox_created_at,
        thread_id=intent.thread_id,
        recipients=intent.recipients,
    )

    def along(outcome: Outcome) -> list[Action]:
        return _closing(intent, outcome, clock())

    outcome = commit(new, seen, items=items, clock=clock, shards=shards, along=along, pause=pause)
    if outcome.result == "joined":
        blobs.delete_prefix(intent.blob_prefix)
    return outcome


def _closing(intent: Intent, outcome: Outcome, now: int) -> list[Action]:
    row: Item = {
        "state": "done",
        "intent_id": intent.intent_id,
        "organization_id": intent.organization_id,
        "inbox_id": intent.record["inbox_id"],
        "pod_id": intent.record["pod_id"],
        "message_id": outcome.message_id,
        "thread_id": outcome.thread_id,
        "ttl": now // 1000 + DONE_SECONDS,
    }
    actions: list[Action] = [Put(intent.key, row), Delete(intent.open_row)]
    if "opening" in intent.record and outcome.result != "known":
        opening = keys.opening(intent.organization_id, intent.record["inbox_id"], intent.record["opening"])
        actions.append(Put(opening, {"message_id": outcome.message_id}))
    if intent.draft is not None:
        actions += claims.sent(intent.organization_id, intent.record["inbox_id"], intent.draft)
    if (claim := intent.claim) is not None:
        ids = (outcome.message_id, outcome.thread_id)
        actions.append(idempotency.done(claim.key, claim.fingerprint, intent.intent_id, *ids, now))
    return actions


def abandon(
    intent: Intent,
    error: MailroomError | None = None,
    *,
    alone: bool = False,
    items: ItemStore,
    blobs: BlobStore,
    timers: Timers,
    shards: int,
    now: int,
) -> None:
    """Leaves no trace of a mail that the provider did not take; its key is free again, and its draft is given back. `error` is why
    (None: it was not heard of again). Nothing where somebody else is at it (unless this is known to be `alone`), or has ended it.

    Rows first: a retry needs the blobs of the intent that it finds.
    """
    open_: Condition = Equals("state", "open")
    if error is None and not alone:
        open_ = all_of(open_, any_of(Lacks("lease"), AtMost("lease", now)))
    back = _release(intent, error, items=items, timers=timers, shards=shards, now=now)
    ended: list[Action] = [Delete(intent.key, open_), Delete(intent.open_row), *_uncounting(intent)]
    try:
        transact([*ended, *back.actions], back.entries, items=items)
    except TransactionCancelled:
        return
    if intent.claim is not None:
        items.write([Delete(intent.claim.key, Equals("intent_id", intent.intent_id))])
    blobs.delete_prefix(intent.blob_prefix)


def _uncounting(intent: Intent) -> list[Update]:
    counted = {name: name in intent.counted for name in ("daily", "monthly")}
    return quota.uncounting(intent.organization_id, len(intent.recipients), counted_at=intent.created_at, **counted)


def _release(intent: Intent, error: MailroomError | None, *, items: ItemStore, timers: Timers, shards: int, now: int) -> Release:
    if intent.draft is None:
        return Release([], [])
    o, inbox_id = intent.organization_id, intent.record["inbox_id"]
    return claims.release(o, inbox_id, intent.draft, error, items=items, timers=timers, shards=shards, now=now)
