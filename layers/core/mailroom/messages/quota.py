"""How many recipients an organization may write to in a UTC day and month (spec: limits.md, "Organization plans").

One counter per organization and window. It is raised in the transaction that begins a send, under the condition that it stays
within the limit, so the limit is exact however many send at once; the check before that only spares work. Without limits nothing is
read, written or paid for.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mailroom.config import Config
from mailroom.errors import RateLimited
from mailroom.store import keys
from mailroom.store.port import Action, Add, AtLeast, AtMost, ItemStore, Key, Lacks, Set, Update, any_of

KEPT_SECONDS = 7 * 24 * 3600
"""Behind the window's end: longer than a send can stay open, so that it can still be taken back."""

_DAY, _MONTH = len("2025-06-16"), len("2025-06")


class _Quota(NamedTuple):
    key: Key
    limit: int


def reads(o: str, config: Config, now: int) -> tuple[Key, ...]:
    """The counters that `require_quota` looks at."""
    return tuple(quota.key for quota in _quotas(o, config, now))


def require_quota(o: str, recipients: int, *, items: ItemStore, config: Config, now: int) -> None:
    """Raises RateLimited where so many recipients are too many."""
    quotas = _quotas(o, config, now)
    if not quotas:
        return
    counters = items.batch_get([quota.key for quota in quotas])
    for quota in quotas:
        if counters.get(quota.key, {}).get("sent", 0) + recipients > quota.limit:
            raise exceeded(quota.key, now=now)


def counting(o: str, recipients: int, *, config: Config, now: int) -> list[Update]:
    """For the transaction that begins a send, which fails where a limit would be passed; `exceeded` tells what to answer then."""
    return [_counting(quota, recipients) for quota in _quotas(o, config, now)]


def limited(config: Config) -> tuple[str, ...]:
    """What is counted, for `uncounting` to be told later."""
    limits = {"daily": config.daily_send_limit, "monthly": config.monthly_send_limit}
    return tuple(name for name, limit in limits.items() if limit is not None)


def uncounting(o: str, recipients: int, *, counted_at: int, daily: bool, monthly: bool) -> list[Update]:
    """Takes back what `counting` did at `counted_at`, for a mail that the provider did not take: in the transaction that ends the
    send, so that it happens once. `daily`, `monthly`: what was counted then. Fails where the counter is gone."""
    counted = [window for window, wanted in zip(_windows(counted_at), (monthly, daily), strict=True) if wanted]
    rows = [keys.sends_counted(o, window) for window in counted]
    return [Update(row, (Add("sent", -recipients),), AtLeast("sent", recipients)) for row in rows]


def exceeded(counter: Action | Key, *, now: int) -> RateLimited:
    """What is answered where the condition of one of the actions (or what was read of a counter) forbids a send."""
    window = (counter if isinstance(counter, Key) else counter.key).sk
    ends = _ends(window)
    name = "Daily" if len(window) == _DAY else "Monthly"
    return RateLimited(
        f"{name} send limit exceeded",
        fix=f"Each recipient counts, and counting begins anew on {ends:%Y-%m-%d} at 00:00 UTC. The operator sets the limit.",
        retry_after=max(1, int(ends.timestamp()) - now // 1000),
    )


def _quotas(o: str, config: Config, now: int) -> list[_Quota]:
    """The month first: where both are used up, the day's end would not help."""
    limits = (config.monthly_send_limit, config.daily_send_limit)
    if limits == (None, None):
        return []
    found = zip(_windows(now), limits, strict=True)
    return [_Quota(keys.sends_counted(o, window), limit) for window, limit in found if limit is not None]


def _counting(quota: _Quota, recipients: int) -> Update:
    within = AtMost("sent", quota.limit - recipients)
    condition = any_of(Lacks("sent"), within) if recipients <= quota.limit else within
    ttl = int(_ends(quota.key.sk).timestamp()) + KEPT_SECONDS
    return Update(quota.key, (Add("sent", recipients), Set("ttl", ttl)), condition)


def _windows(now: int) -> tuple[str, str]:
    """Month and day."""
    day = f"{datetime.fromtimestamp(now / 1000, UTC):%Y-%m-%d}"
    return day[:_MONTH], day


def _ends(window: str) -> datetime:
    """The first moment behind a day or a month."""
    if len(window) == _DAY:
        return datetime.fromisoformat(window).replace(tzinfo=UTC) + timedelta(days=1)
    year, month = (int(part) for part in window.split("-"))
    return datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
