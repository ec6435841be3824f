"""The request rate of one process: an exact token bucket per organization (spec: limits.md, "Request rate")."""

from __future__ import annotations

import threading

_MANY = 10_000


class TokenBuckets:
    """Implements `ports.RateLimiter`. A rate of 0 allows everything."""

    def __init__(self, *, rate_per_second: int, burst: int) -> None:
        self._rate = rate_per_second / 1000
        self._burst = float(burst)
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, int]] = {}

    def allow(self, organization_id: str, now_ms: int) -> bool:
        if self._rate <= 0:
            return True
        with self._lock:
            tokens = self._level(organization_id, now_ms)
            allowed = tokens >= 1
            self._buckets[organization_id] = (tokens - 1 if allowed else tokens, now_ms)
            if len(self._buckets) > _MANY:
                self._forget_full(now_ms)
            return allowed

    def _level(self, organization_id: str, now_ms: int) -> float:
        tokens, then = self._buckets.get(organization_id, (self._burst, now_ms))
        # A clock set back must not take tokens away.
        return min(self._burst, tokens + max(0, now_ms - then) * self._rate)

    def _forget_full(self, now_ms: int) -> None:
        for organization_id in list(self._buckets):
            if self._level(organization_id, now_ms) >= self._burst:
                del self._buckets[organization_id]
