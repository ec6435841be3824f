"""Rows of events by time, merged from the partitions that hold them: each is read as far as the page needs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailroom.store.port import Index, Item, ItemStore, Query, Reads

_ROWS = 16
"""Whole rows read at once from a partition; of an index, whose entries are small, as many as the page has."""


class Partition(NamedTuple):
    by: Index | None
    """The index it is in; None for one of the table."""
    pk: str


class _Stream:
    """What was read of a partition and not used yet."""

    def __init__(self, partition: Partition, place: str | None, size: int, *, descending: bool) -> None:
        self._partition = partition
        self._size = size if partition.by else min(size, _ROWS)
        self._descending = descending
        self._place = place
        self._ended = False
        self.rows: deque[Item] = deque()

    def query(self) -> Query | None:
        """What must be read before the stream can be merged."""
        if self.rows or self._ended:
            return None
        by, pk = self._partition
        low, high = (None, self._place) if self._descending else (self._place, None)
        # Bounds include the place itself, which was seen already.
        limit = self._size + (self._place is not None)
        return Query("ev", pk, limit, low=low, high=high, descending=self._descending, index=by)

    def fill(self, query: Query, page: Sequence[Item]) -> None:
        self.rows.extend(row for row in page if row["sk"] != self._place)
        self._ended = len(page) < query.limit
        if page:
            self._place = page[-1]["sk"]


def merged(partitions: Sequence[Partition], place: str | None, size: int, *, descending: bool, items: ItemStore) -> Iterator[Item]:
    """Rows behind a place (a sort key), each once; those of an index have only their keys. `size` is how many will be wanted."""
    streams = [_Stream(partition, place, size, descending=descending) for partition in partitions]
    while True:
        asked = {query: stream for stream in streams if (query := stream.query()) is not None}
        if asked:
            pages = items.fetch(Reads(queries=tuple(asked))).pages
            for query, stream in asked.items():
                stream.fill(query, pages[query])
            continue
        filled = [stream for stream in streams if stream.rows]
        if not filled:
            return
        ends = [stream.rows[0]["sk"] for stream in filled]
        place = max(ends) if descending else min(ends)
        first, *_ = [stream.rows.popleft() for stream in filled if stream.rows[0]["sk"] == place]
        yield first
