"""How many messages an inbox has sent into a thread within the last hour, in three numbers on the thread's row.

A sliding window counter: the hour by the clock, what was sent in it, and what was sent in the hour before, of which the part counts
that still lies within sixty minutes. Exact while all falls into one hour; never off by more than what the hour before was uneven.
"""

from __future__ import annotations

from collections.abc import Sequence

HOUR_MS = 3_600_000

Window = list[int]
"""Hour since the epoch, messages in it, messages in the hour before."""


def noted(window: Sequence[int] | None, ts: int) -> Window:
    """With one message more, which may be stored late."""
    hour = ts // HOUR_MS
    if window is None or hour > window[0] + 1:
        return [hour, 1, 0]
    at, current, before = window
    if hour == at + 1:
        return [hour, 1, current]
    return [at, current + 1, before] if hour == at else [at, current, before + (hour == at - 1)]


def recent(window: Sequence[int] | None, now: int) -> float:
    """Messages within the last hour."""
    if window is None:
        return 0
    at, current, before = window
    hour, within = divmod(now, HOUR_MS)
    remaining = 1 - within / HOUR_MS
    if hour > at + 1:
        return 0
    return current * remaining if hour == at + 1 else current + before * remaining


def free_at(window: Sequence[int], now: int, limit: int) -> int:
    """When one more would be within the limit, in milliseconds."""
    at, current, before = window
    if now // HOUR_MS > at:
        at, current, before = now // HOUR_MS, 0, current
    room = limit - 1 - current
    if room >= 0:
        return max(now, at * HOUR_MS + _decayed(before, room))
    return (at + 1) * HOUR_MS + _decayed(current, limit - 1)


def _decayed(count: int, room: int) -> int:
    """How far into the next hour `count` has shrunk to `room`."""
    return 0 if count <= room else HOUR_MS - room * HOUR_MS // count
