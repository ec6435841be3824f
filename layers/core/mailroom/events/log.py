"""An organization's event log: its events in one order, in pages that nobody changes (docs/decisions/0009).

A page row (`keys.log_page`): `page`, `organization_id`, `ts` (when it was appended), `before` (position of the last event on the
page before it), `ttl`, and `events`, pointers to at most 50 rows of events. The tail (`keys.log_tail`) holds the last position.
Both are written in one transaction, so whoever reads the tail first finds every page up to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from mailroom.clock import Clock
from mailroom.events.channels import Heard
from mailroom.events.positions import index_of, page_of, position
from mailroom.store import keys
from mailroom.store.port import ItemStore, Key, Query

KEPT_MS = 30 * 24 * 3600 * 1000
STORED_SECONDS = 31 * 24 * 3600
"""Longer than pages are read: the store deletes what expired in any order."""

_PAGES = 8
"""Read in one query, the first of them usually only to see that it is still there."""
_READS = 12
"""Queries for one batch, whatever the filter lets through."""


class PositionExpired(Exception):
    """Events behind this position are no longer in the log."""


class PositionUnknown(Exception):
    """The log never gave this position out."""


class Entry(NamedTuple):
    """An event in the log: what decides who hears of it, and where its row is."""

    position: int
    event_id: str
    event_type: str
    key: Key
    ts: int
    """Milliseconds."""
    pod_id: str | None
    inbox_id: str | None

    @property
    def heard(self) -> Heard:
        return Heard(self.event_type, self.inbox_id, self.pod_id)


class Page(NamedTuple):
    organization_id: str
    page: int
    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        page = row["page"]
        entries = tuple(_entry(position(page, index), pointer) for index, pointer in enumerate(row["events"]))
        return cls(row["organization_id"], page, entries)


class Batch(NamedTuple):
    entries: list[Entry]
    position: int
    """How far was looked: the next `after`."""
    done: bool
    """Whether that was the end of the log."""


def tail(o: str, *, items: ItemStore) -> int:
    """The position of the last event, 0 before the first."""
    row = items.get(keys.log_tail(o))
    return int(row["position"]) if row else 0


def read_after(o: str, after: int, *, items: ItemStore, limit: int, wanted: Callable[[Entry], bool], clock: Clock) -> Batch:
    """At most `limit` of the wanted events behind a position, in order. Work per call is bounded: a batch may be short, even empty,
    without being done. Raises PositionExpired, PositionUnknown."""
    last = tail(o, items=items)
    if not 0 <= after <= last or 0 < after < position(1, 0):
        raise PositionUnknown
    found: list[Entry] = []
    seen, oldest = after, clock() - KEPT_MS
    for _ in range(_READS):
        if seen == last:
            break
        for entry in _behind(o, seen, last, items=items, oldest=oldest):
            if wanted(entry):
                if len(found) == limit:
                    return Batch(found, seen, False)
                found.append(entry)
            seen = entry.position
    return Batch(found, seen, seen == last)


def _behind(o: str, after: int, last: int, *, items: ItemStore, oldest: int) -> Iterator[Entry]:
    """The next entries, at least one. `after` lies before `last`."""
    low, high = keys.log_page(o, page_of(after)).sk, keys.log_page(o, page_of(last)).sk
    rows = items.query(Query("ev", keys.log_partition(o), _PAGES, low=low, high=high))
    if not rows:
        raise PositionExpired
    for row in rows:
        page = Page.of(row)
        if page.page == page_of(after):
            if index_of(after) >= len(page.entries):
                raise PositionUnknown
        elif row["before"] != after:
            raise PositionExpired
        behind = [entry for entry in page.entries if entry.position > after]
        if behind and row["ts"] < oldest:
            raise PositionExpired
        yield from behind
        after = page.entries[-1].position


def _entry(at: int, pointer: Mapping[str, Any]) -> Entry:
    key = Key.of("ev", pointer)
    return Entry(at, pointer["event_id"], pointer["event_type"], key, pointer["ts"], pointer.get("pod_id"), pointer.get("inbox_id"))
