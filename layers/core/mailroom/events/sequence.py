"""Gives new events their positions: appends pages to their organizations' logs (docs/decisions/0009).

Page, tail and the marks on the events' rows are one transaction, and each row must lack a mark: an event that comes again, alone or
among others, keeps the position it has, and one that was left out gets one.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mailroom.clock import Clock
from mailroom.events.log import STORED_SECONDS, tail
from mailroom.events.positions import PER_PAGE, page_of, position
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Equals,
    Item,
    ItemStore,
    Key,
    Lacks,
    Present,
    Put,
    Set,
    StoreBusy,
    TransactionCancelled,
    Update,
    all_of,
)

TRIES = 12
_WAIT_S = 0.005
_LONGEST_WAIT_S = 0.3
_POINTER = ("pk", "sk", "event_id", "event_type", "ts", "pod_id", "inbox_id")

Row = Mapping[str, Any]


def sequence(rows: Iterable[Row], *, items: ItemStore, clock: Clock, pause: Callable[[float], None] = time.sleep) -> None:
    """Takes rows of new events, in the order of the stream. Raises StoreBusy; then all may come again."""
    logs: dict[str, dict[str, Row]] = {}
    for row in rows:
        logs.setdefault(row["organization_id"], {})[row["event_id"]] = row
    for o, events in logs.items():
        waiting = list(events.values())
        for start in range(0, len(waiting), PER_PAGE):
            _append(o, waiting[start : start + PER_PAGE], items=items, clock=clock, pause=pause)


def _append(o: str, events: Sequence[Row], *, items: ItemStore, clock: Clock, pause: Callable[[float], None]) -> None:
    """Others may be appending to the same log, and some of the events may have their positions."""
    for attempt in range(TRIES):
        frame = _frame(o, events, tail(o, items=items), clock())
        try:
            items.transact([*frame.actions, *_marks(events, frame.page)])
        except TransactionCancelled as cancelled:
            left = [event for at, event in enumerate(events, len(frame.actions)) if at not in cancelled.failures]
        else:
            return
        if not left:
            return
        if len(left) == len(events):
            pause(random.uniform(_WAIT_S, min(_LONGEST_WAIT_S, _WAIT_S * 2 ** (attempt + 1))))
        events = left
    raise StoreBusy("too many append to one log at once")


class _Frame(NamedTuple):
    page: int
    actions: list[Action]


def _frame(o: str, events: Sequence[Row], last: int, now: int) -> _Frame:
    """The next page, and the tail moved to its end unless another moved it."""
    page = page_of(last) + 1
    row: Item = {
        "page": page,
        "organization_id": o,
        "ts": now,
        "before": last,
        "ttl": now // 1000 + STORED_SECONDS,
        "events": [{name: event[name] for name in _POINTER if name in event} for event in events],
    }
    end = position(page, len(events) - 1)
    unmoved = Equals("position", last) if last else Absent()
    return _Frame(page, [Put(keys.log_page(o, page), row, Absent()), Update(keys.log_tail(o), (Set("position", end),), unmoved)])


def _marks(events: Sequence[Row], page: int) -> list[Action]:
    unmarked = all_of(Present(), Lacks("pos"))
    return [Update(Key.of("ev", event), (Set("pos", position(page, index)),), unmarked) for index, event in enumerate(events)]
