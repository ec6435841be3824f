"""The request rate of an organization across Lambda instances (spec: limits.md, "Request rate").

Two guards. Each instance keeps an exact token bucket, which alone would let N instances pass N times the rate. So instances also
add up what they let through in a shared counter per window of ten seconds, and close the organization until the window ends once
the total passes rate x 10 + burst. An instance reports every `REPORT_EVERY` requests: 0.1 trips a request, and at most nine
requests per instance that the others do not know of yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mailroom.store import keys
from mailroom.store.port import Add, Set, StoreError

if TYPE_CHECKING:
    from mailroom.store.port import ItemStore

WINDOW_MS = 10_000
REPORT_EVERY = 10
KEPT_S = 120
MAX_ORGANIZATIONS = 10_000


@dataclass(slots=True)
class _Account:
    tokens: float
    at: int
    unreported: int = 0
    closed_until: int = 0


class SharedRateLimiter:
    """Implements `ports.RateLimiter`. A rate of 0 allows everything; a counter that cannot be written refuses nobody."""

    def __init__(self, *, rate_per_second: int, burst: int, items: ItemStore) -> None:
        self._rate = rate_per_second
        self._burst = burst
        self._window_limit = rate_per_second * WINDOW_MS // 1000 + burst
        self._items = items
        self._accounts: dict[str, _Account] = {}

    def allow(self, organization_id: str, now_ms: int) -> bool:
        if self._rate <= 0:
            return True
        account = self._account(organization_id, now_ms)
        elapsed = max(0, now_ms - account.at)
        account.tokens = min(float(self._burst), account.tokens + elapsed * self._rate / 1000)
        account.at = now_ms
        if now_ms < account.closed_until or account.tokens < 1:
            return False
        account.tokens -= 1
        account.unreported += 1
        if account.unreported >= REPORT_EVERY:
            self._report(organization_id, account, now_ms)
        return True

    def _account(self, organization_id: str, now_ms: int) -> _Account:
        if organization_id not in self._accounts:
            if len(self._accounts) >= MAX_ORGANIZATIONS:
                self._accounts.clear()
            self._accounts[organization_id] = _Account(float(self._burst), now_ms)
        return self._accounts[organization_id]

    def _report(self, organization_id: str, account: _Account, now_ms: int) -> None:
        window = now_ms // WINDOW_MS
        changes = (Add("n", account.unreported), Set("ttl", now_ms // 1000 + KEPT_S))
        try:
            total = self._items.update(keys.rate(organization_id, window), changes)["n"]
        except StoreError:
            return
        account.unreported = 0
        if total >= self._window_limit:
            account.closed_until = (window + 1) * WINDOW_MS
