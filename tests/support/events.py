"""Events without the mail behind them, for tests of the log and of what is fed from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mailroom.clock import Clock
from mailroom.events import types
from mailroom.events.log import Entry, read_after
from mailroom.events.rows import notice_event
from mailroom.events.sequence import sequence
from mailroom.store.port import Item, ItemStore

ORGANIZATION = "org-1"
INBOX = "agent@mailroom.local"
POD = "pod-1"
THREAD = "0190a6c0-5a00-7000-8000-000000000001"


def happen(
    number: int,
    *,
    items: ItemStore,
    o: str = ORGANIZATION,
    event_type: str = types.SENT,
    inbox_id: str | None = INBOX,
    pod_id: str | None = POD,
    ts: int | None = None,
    payload: Mapping[str, Any] | None = None,
) -> Item:
    """Stores the row of an event and returns it as the stream hands it over."""
    if payload is None:
        payload = {} if event_type == types.OPENED else {"recipients": [f"{number}@example.com"]}
    put = notice_event(
        o,
        event_type=event_type,
        inbox_id=inbox_id,
        pod_id=pod_id,
        thread_id=THREAD,
        message_id=f"<{number}@example.com>",
        ts=number if ts is None else ts,
        payload=payload,
        shards=1,
        unique=str(number),
    )
    items.put(put.key, put.item, put.condition)
    return {**put.item, "pk": put.key.pk, "sk": put.key.sk}


def log_of(o: str, *, items: ItemStore, clock: Clock, after: int = 0) -> list[Entry]:
    """All that is in the log behind a position."""
    found: list[Entry] = []
    done = False
    while not done:
        batch = read_after(o, after, items=items, limit=7, wanted=lambda entry: True, clock=clock)
        found += batch.entries
        after, done = batch.position, batch.done
    return found


def filled(count: int, *, items: ItemStore, clock: Clock, o: str = ORGANIZATION, start: int = 1) -> list[Item]:
    """A log with so many events more."""
    rows = [happen(number, items=items, o=o) for number in range(start, start + count)]
    sequence(rows, items=items, clock=clock)
    return rows


def ids_of(events: Iterable[Entry | Item]) -> list[str]:
    return [event.event_id if isinstance(event, Entry) else event["event_id"] for event in events]
