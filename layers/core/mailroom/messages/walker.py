"""Walks an index to one page of a list: reads entries, reads the items, believes only the items (design: data.md, "Reads")."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from mailroom.messages.streams import Chunk, Entry, Source, chunk, queries
from mailroom.store import keys
from mailroom.store.port import Delete, Equals, ItemStore, Query, Reads, StoreError, all_of

T = TypeVar("T")

MAX_EXAMINED = 1000
"""Items read for one page; a filter that lets fewer pass gives a short page and a token."""
MAX_ROUNDS = 12
FILTERED_SIZE = 100
SLACK = 12
"""Entries read beyond the page: they are small, and make up for those that the change feed has not yet dropped."""
STALE_AFTER_MS = 15 * 60 * 1000
"""A writer gives up long before this, so an older entry that disagrees belongs to no write under way."""

_MAX_DROPPED = 25


class Lookup(Protocol[T]):
    """Where the walker finds the items of entries, and what it asks of them."""

    def load(self, entries: Sequence[Entry]) -> list[T | None]:
        """For each entry its item, in one trip."""
        ...

    def agrees(self, entry: Entry, item: T) -> bool:
        """Whether the item, as it is now, has this very entry: label, timestamp, visibility class."""
        ...

    def lists(self, item: T) -> bool:
        """Whether the item is at its place and passes the filters."""
        ...

    def place(self, item: T) -> str: ...


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: list[T]
    position: str | None
    """Where to go on; None at the end of the list."""


def first_queries(source: Source, position: str | None, limit: int, *, filtered: bool) -> tuple[Query, ...]:
    """What the walk will read first: for the prefetch."""
    return tuple(query for label in queries(source, position, _size(limit, filtered) + SLACK) for query in label)


def walk(
    source: Source,
    lookup: Lookup[T],
    position: str | None,
    limit: int,
    *,
    filtered: bool,
    items: ItemStore,
    now: int,
    max_examined: int | None = None,
) -> Page[T]:
    budget = max(max_examined or MAX_EXAMINED, 2 * limit)
    found: list[T] = []
    stale: list[Entry] = []
    examined, behind = 0, position
    for entries, behind in _batches(source, position, _size(limit, filtered), items):
        for entry, item in zip(entries, lookup.load(entries) if entries else (), strict=True):
            if item is not None and lookup.place(item) == entry.place and lookup.lists(item):
                found.append(item)
            if item is None or not lookup.agrees(entry, item):
                stale.append(entry)
        if len(found) > limit:
            found, behind = found[:limit], lookup.place(found[limit - 1])
            break
        examined += len(entries)
        if examined >= budget:
            break
    _drop(stale, items=items, now=now)
    return Page(found, behind)


def _batches(source: Source, position: str | None, size: int, items: ItemStore) -> Iterator[tuple[list[Entry], str | None]]:
    """Entries to look up in one trip, and the position behind them: None at the end of the list."""
    for _ in range(MAX_ROUNDS):
        part = _read(source, position, size, items)
        start = 0
        while start < len(part.entries) or start == 0:
            entries = _distinct(part.entries, start, size)
            start += max(len(entries), 1)
            yield entries, part.end if start >= len(part.entries) else entries[-1].place
        if part.end is None:
            return
        position, size = part.end, max(size, FILTERED_SIZE)


def _distinct(entries: list[Entry], start: int, most: int) -> list[Entry]:
    """Entries from `start` on that lead to at most so many items: an item that has just moved has its old entries still."""
    known: set[str] = set()
    for end in range(start, len(entries)):
        known.add(keys.index_identity(entries[end].place))
        if len(known) > most:
            return entries[start:end]
    return entries[start:]


def _size(limit: int, filtered: bool) -> int:
    return max(limit + 1, FILTERED_SIZE) if filtered else limit + 1


def _read(source: Source, position: str | None, size: int, items: ItemStore) -> Chunk:
    asked = queries(source, position, size + SLACK)
    pages = items.fetch(Reads(queries=tuple(query for label in asked for query in label))).pages
    return chunk(source, asked, pages, position)


def _drop(stale: list[Entry], *, items: ItemStore, now: int) -> None:
    """Deletes old disagreeing entries, unless someone has written them again meanwhile. Entries of a secondary index do not tell
    their age and stay for the inbox's own lists."""
    old = [entry for entry in stale if "w" in entry.row and entry.row["w"] < now - STALE_AFTER_MS][:_MAX_DROPPED]
    if old:
        # Upkeep must not fail a read that has its answer.
        with contextlib.suppress(StoreError):
            items.write([Delete(entry.key, all_of(Equals("mv", entry.row["mv"]), Equals("w", entry.row["w"]))) for entry in old])
