"""Where in an organization's log a point in time lies."""

from __future__ import annotations

from mailroom.events.log import tail
from mailroom.events.positions import page_of
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore


def position_at(o: str, since: int, *, items: ItemStore) -> int:
    """The position behind which every event was appended at or after `since` (ms), within what the log keeps.

    Pages are appended in order of time and expire in about that order, so a bisection finds the first one: a trip for each step.
    """
    last = tail(o, items=items)
    found: Item | None = None
    low, high = 1, page_of(last)
    while low <= high:
        middle = (low + high) // 2
        page = items.get(keys.log_page(o, middle))
        if page is None or page["ts"] < since:
            low = middle + 1
        else:
            found, high = page, middle - 1
    return last if found is None else int(found["before"])
