"""The first load of a pixel: label, time and event, once (spec: events.md, "Effects").

The row behind the pixel is the proof that its mail was opened: it is marked in the transaction that does the rest, so of two loads
at once, and of any later one, only the first finds it unmarked. Later loads read that row and nothing else.
"""

from __future__ import annotations

from typing import cast

from mailroom import log
from mailroom.clock import Clock
from mailroom.events import types
from mailroom.events.rows import notice_event
from mailroom.inboxes.record import live
from mailroom.messages.edits import Edit, commit, plan, relabelled, retried
from mailroom.messages.labels import ordered
from mailroom.messages.record import MessageRecord
from mailroom.runtime import Runtime
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.port import Action, Check, ItemStore, Lacks, Present, Put, Set, Update, all_of
from mailroom.tracking.tokens import Mark, read

LABEL = "opened"


def try_to_note(token: str, *, runtime: Runtime) -> None:
    """Whatever happens: whoever reads a mail must not see a broken image."""
    try:
        note_open(token, runtime=runtime)
    except Exception:  # noqa: BLE001 - the next load counts
        log.logger.exception("open not noted")


def note_open(token: str, *, runtime: Runtime) -> None:
    """Nothing for a token that is none. Each mail has a request rate of its own, so that whoever reloads one takes nothing from
    another. Raises RaceCondition, and what the store raises."""
    mark = read(token, lambda: signing_key(runtime))
    if mark is not None and runtime.limiter.allow(f"{mark.organization_id} {mark.uid}", runtime.clock()):
        retried(lambda: _take_effect(mark, items=runtime.items, clock=runtime.clock, shards=runtime.config.index_shards))


def _take_effect(mark: Mark, *, items: ItemStore, clock: Clock, shards: int) -> None:
    """Nothing for a message that is gone, in an inbox that is, or not stored yet. Raises LostRace, TransactionCancelled."""
    o, inbox_id, uid = mark
    started, opening = clock(), keys.opening(o, inbox_id, uid)
    row = items.get(opening)
    if row is None or "opened_at" in row:
        return
    inbox, message = keys.inbox(o, inbox_id), keys.message(o, inbox_id, row["message_id"])
    found = items.batch_get([inbox, message])
    record = cast("MessageRecord | None", found.get(message))
    if record is None or record.get("opening") != uid or inbox not in found or "state" in found[inbox]:
        return
    threads = plan(o, inbox_id, [_opened(record, started)], items=items, now=started)
    if not threads:
        return
    marking = Update(opening, (Set("opened_at", started),), all_of(Present(), Lacks("opened_at")))
    along: list[Action] = [marking, Check(inbox, live()), _event(o, record, started, shards)]
    commit(o, threads, items=items, clock=clock, shards=shards, started=started, along=along)


def _opened(record: MessageRecord, now: int) -> Edit:
    edit = relabelled(record, ordered([*record["labels"], LABEL]), now)
    after = cast(MessageRecord, edit.after)
    after["opened_at"] = now
    return edit._replace(after=after)


def _event(o: str, record: MessageRecord, now: int, shards: int) -> Put:
    return notice_event(
        o,
        event_type=types.OPENED,
        inbox_id=record["inbox_id"],
        pod_id=record["pod_id"],
        thread_id=record["thread_id"],
        message_id=record["message_id"],
        ts=now,
        payload={},
        shards=shards,
        unique=record["uid"],
    )
