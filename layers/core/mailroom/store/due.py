"""Things that are due at a time, of all organizations: idx rows in 16 partitions, by time. What a timer never brought is found
there (docs/decisions/0013)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from zlib import crc32

from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Query

SHARDS = 16
OVERDUE_MS = 120_000
"""A timer that has not fired by then may be lost."""
PAGE = 100
PAGES = 50
"""Of one shard in one run."""


def shard_of(identity: str) -> int:
    return crc32(identity.encode()) % SHARDS


def overdue(partition: Callable[[int], str], now: int, *, items: ItemStore) -> Iterator[list[Item]]:
    """The rows of all shards whose time is long over, in pages, none of them empty; sort keys are by `keys.listing_sort`."""
    high = keys.listing_sort(now - OVERDUE_MS, "")
    for shard in range(SHARDS):
        start = None
        for _ in range(PAGES):
            page = items.query(Query("idx", partition(shard), PAGE, high=high, start=start))
            if page:
                yield page
            if len(page) < PAGE:
                break
            start = (page[-1]["pk"], page[-1]["sk"])
