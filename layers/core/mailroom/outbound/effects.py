"""What a notice changes: the message's label, the event, the suppression list, all in one transaction.

The event's row is the proof that a notice was taken: its key is derived from the notice, so the second copy of a notice, and the
loser of two at once, find it and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from mailroom.clock import Clock
from mailroom.events import types
from mailroom.events.rows import notice_event
from mailroom.lists import suppression
from mailroom.messages.edits import Edit, commit, plan, relabelled, retried
from mailroom.messages.labels import ordered
from mailroom.messages.record import MessageRecord
from mailroom.outbound.notices import Kind, Notice
from mailroom.outbound.sends import Sent
from mailroom.store import keys
from mailroom.store.port import Action, Item, ItemStore, Key, Put, Reads


class Effect(NamedTuple):
    label: str
    event_type: str | None = None
    reason: suppression.Reason | None = None
    """Why its recipients are suppressed; after a bounce only where that is permanent."""


EFFECTS: Mapping[Kind, Effect] = {
    "Delivery": Effect("delivered", types.DELIVERED),
    "Bounce": Effect("bounced", types.BOUNCED, "bounce"),
    "Complaint": Effect("complained", types.COMPLAINED, "complaint"),
    "Reject": Effect("rejected", types.REJECTED),
    "DeliveryDelay": Effect("delayed"),
}
"""A message's delivery status is the set of these labels, which come in any order and never go: recipients fare differently, and
providers' notices overtake each other (spec: events.md "Effects", labels.md). `Send` has its effects with the message itself."""


def take_effect(notice: Notice, sent: Sent, *, items: ItemStore, clock: Clock, shards: int) -> None:
    """Once, however often it is called. A message that was deleted gets no label; the rest happens all the same.

    Raises RaceCondition, and what the store raises.
    """
    effect = EFFECTS[notice.kind]
    event = _event(notice, sent, effect, shards)

    def attempt() -> None:
        started = clock()
        suppressed = _suppressed(notice, sent, effect)
        message = keys.message(sent.organization_id, sent.inbox_id, sent.message_id)
        found = items.fetch(Reads((message, *suppressed, *([event.key] if event else [])))).items
        if event is not None and event.key in found:
            return
        entries = (
            suppression.suppressing(sent.organization_id, suppressed, effect.reason, found, now=started) if effect.reason else []
        )
        along: list[Action] = [*([event] if event else []), *entries]
        edits = _labelled(found.get(message), effect.label, started)
        threads = plan(sent.organization_id, sent.inbox_id, edits, items=items, now=started) if edits else []
        if threads:
            commit(sent.organization_id, threads, items=items, clock=clock, shards=shards, started=started, along=along)
        elif along:
            items.transact(along)

    retried(attempt)


def _event(notice: Notice, sent: Sent, effect: Effect, shards: int) -> Put | None:
    if effect.event_type is None:
        return None
    return notice_event(
        sent.organization_id,
        event_type=effect.event_type,
        inbox_id=sent.inbox_id,
        pod_id=sent.pod_id,
        thread_id=sent.thread_id,
        message_id=sent.message_id,
        ts=notice.ts,
        payload=notice.payload,
        shards=shards,
        unique=notice.identity,
    )


def _suppressed(notice: Notice, sent: Sent, effect: Effect) -> dict[Key, str]:
    if effect.reason is None or (notice.kind == "Bounce" and not notice.permanent):
        return {}
    return {suppression.key(sent.organization_id, address): address for address in notice.recipients}


def _labelled(row: Item | None, label: str, now: int) -> list[Edit]:
    """Nothing to do where the message is gone, or what stands under its id is not what was sent, or it has the label."""
    if row is None or "sent" not in row["labels"] or label in row["labels"]:
        return []
    record = cast(MessageRecord, row)
    return [relabelled(record, ordered([*record["labels"], label]), now)]
