"""How many messages an inbox has sent in a thread lately, in three numbers on the thread's row.

A window is [clock hour, messages sent in it, messages sent in the hour before]. The last sixty minutes are estimated as the
current hour and the share of the one before that still lies within them: exact while everything falls into one clock hour. Hours
are counted from the epoch, times are milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence

HOUR_MS = 3_600_000


def counted(window: Sequence[int], sent_at: int, *, now: int) -> list[int]:
    """The window with one message more; the same in whatever order messages are counted."""
    sent = sent_at // HOUR_MS
    hour, current, previous = _rolled(window, sent, now=now)
    if sent == hour:
        current += 1
    elif sent == hour - 1:
        previous += 1
    return [hour, current, previous]


def full_until(window: Sequence[int], limit: int, now: int) -> int | None:
    """When one message more keeps within `limit` (at least 1) an hour; None where it does now."""
    hour, current, previous = _rolled(window, now // HOUR_MS, now=now)
    seen_at = max(now, hour * HOUR_MS)
    if current >= limit:
        hour, current, previous = hour + 1, 0, current
    room = limit - current - 1
    faded = HOUR_MS - room * HOUR_MS // previous if previous > room else 0
    free = hour * HOUR_MS + faded
    return free if free > seen_at else None


def _rolled(window: Sequence[int], hour: int, *, now: int) -> tuple[int, int, int]:
    """The window seen from an hour. One that lies ahead stays, unless only a clock set back since can have left it there."""
    counted_hour, current, previous = window or (hour, 0, 0)
    if counted_hour > now // HOUR_MS + 1:
        return hour, 0, 0
    if hour <= counted_hour:
        return counted_hour, current, previous
    return hour, 0, current if hour == counted_hour + 1 else 0
