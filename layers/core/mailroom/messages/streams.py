"""Sorted streams of index entries: one per label, each merged from visibility classes and shards, and their intersection.

Entries are ordered by their place (`keys.index_place`), newest first unless ascending. A place names one item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mailroom.store import keys
from mailroom.store.port import Index, Item, Key, Query


@dataclass(frozen=True, slots=True)
class Source:
    """What a list reads. Bounds are exclusive, in microseconds."""

    labels: tuple[tuple[str, ...], ...]
    """For each label the partitions that hold its entries."""
    index: Index | None
    classes: tuple[int, ...]
    after: int | None = None
    before: int | None = None
    descending: bool = True


class Entry(NamedTuple):
    place: str
    key: Key
    row: Item


class Chunk(NamedTuple):
    entries: list[Entry]
    """In list order; every entry up to `end` that can be on the list, and some that are not."""
    end: str | None
    """None: there is nothing behind the entries."""


def queries(source: Source, position: str | None, size: int) -> list[list[Query]]:
    """For each label the reads of the next entries behind `position`, at least `size` of them if there are so many."""
    return [
        [_query(source, partition, v, position, size) for partition in partitions for v in source.classes]
        for partitions in source.labels
    ]


def chunk(source: Source, asked: list[list[Query]], pages: Mapping[Query, Sequence[Item]], position: str | None) -> Chunk:
    """What the answers to `queries` tell about items that carry all the labels. The sparsest label leads, so that reading costs
    what that label's entries cost."""
    streams = [_merged(source, label, pages, position) for label in asked]
    lead = min(streams, key=lambda stream: _reach(stream, source.descending))
    others = [(stream, {entry.place for entry in stream.entries}) for stream in streams if stream is not lead]
    entries = [
        entry
        for entry in lead.entries
        if all(entry.place in known or _beyond(entry.place, stream.end, source.descending) for stream, known in others)
    ]
    return Chunk(entries, lead.end)


def _query(source: Source, partition: str, v: int, position: str | None, size: int) -> Query:
    low, high = keys.index_bounds(v, source.after, source.before)
    if position is not None and source.descending:
        high = min(high, f"{v}#{position}")
    elif position is not None:
        low = max(low, f"{v}#{position}")
    # Bounds include the position itself, which was seen already.
    limit = size if position is None else size + 1
    return Query("idx", partition, limit, low=low, high=high, descending=source.descending, index=source.index)


def _merged(source: Source, asked: list[Query], pages: Mapping[Query, Sequence[Item]], position: str | None) -> Chunk:
    entries: dict[str, Entry] = {}
    ends = []
    for query in asked:
        page = pages[query]
        for row in page:
            place = keys.index_place(row["sk"])
            if place != position:
                entries[place] = Entry(place, Key.of("idx", row), row)
        if len(page) >= query.limit:
            ends.append(keys.index_place(page[-1]["sk"]))
    in_order = sorted(entries.values(), key=lambda entry: entry.place, reverse=source.descending)
    if not ends:
        return Chunk(in_order, None)
    end = max(ends) if source.descending else min(ends)
    return Chunk([entry for entry in in_order if not _beyond(entry.place, end, source.descending)], end)


def _beyond(place: str, end: str | None, descending: bool) -> bool:
    if end is None:
        return False
    return place < end if descending else place > end


def _reach(stream: Chunk, descending: bool) -> tuple[int, int, tuple[int, ...]]:
    """Sorts the stream first that reaches farthest with its entries."""
    if stream.end is None:
        return 0, len(stream.entries), ()
    letters = tuple(ord(letter) for letter in stream.end)
    return 1, 0, letters if descending else tuple(-letter for letter in letters)
