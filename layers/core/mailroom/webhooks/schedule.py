"""When a delivery that failed is tried again (spec: webhooks.md, "Delivery")."""

from __future__ import annotations

from collections.abc import Sequence

MAX_HOP_S = 900
"""The longest delay a queue knows; longer waits are made of several."""


def next_due(schedule_s: Sequence[int], made: int, failed_at: int) -> int | None:
    """Milliseconds: when the attempt is due that follows `made` failed ones; None after the last. Counted from the failure."""
    return failed_at + schedule_s[made - 1] * 1000 if made <= len(schedule_s) else None


def hop_s(due: int, now: int) -> int:
    """How long a queue message waits for a time, in whole seconds: never less, unless the queue knows no longer delay."""
    return min(max(-(-(due - now) // 1000), 0), MAX_HOP_S)
