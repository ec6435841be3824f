"""How many recipients an organization may write to in a day and in a month, by UTC (spec: limits.md, "Organization plans").

Counted in the transaction that begins a send, so the limit is exact however many are begun at once; a send without a mail gives
back what it took. Without a limit nothing is counted, and nothing costs anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from mailroom.clock import to_wire
from mailroom.config import Config
from mailroom.errors import RateLimited
from mailroom.store import keys
from mailroom.store.port import Add, AtMost, Item, ItemStore, Key, Lacks, Set, Update, any_of

KEPT_S = 3 * 24 * 3600
"""Beyond its end: what is given back must find its window."""


class Counted(NamedTuple):
    """A window as a send remembers it."""

    period: str
    ttl: int


class Window(NamedTuple):
    name: str
    key: Key
    limit: int
    ends: int
    """Milliseconds."""

    @property
    def ttl(self) -> int:
        return self.ends // 1000 + KEPT_S

    @property
    def counted(self) -> Counted:
        return Counted(self.key.sk, self.ttl)

    def room(self, row: Item | None, recipients: int) -> bool:
        return int((row or {}).get("n", 0)) + recipients <= self.limit

    def exceeded(self, now: int) -> RateLimited:
        """What is said to whoever wants more than it has."""
        fix = f"Wait until {to_wire(self.ends)}, when the next one begins."
        return RateLimited(f"{self.name} send limit exceeded", retry_after=max(-(-(self.ends - now) // 1000), 1), fix=fix)


def windows(o: str, config: Config, now: int) -> list[Window]:
    """Those that have a limit, as they are now."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    found = []
    if config.daily_send_limit is not None:
        found.append(_window("Daily", o, f"{today:%Y-%m-%d}", config.daily_send_limit, today + timedelta(days=1)))
    if config.monthly_send_limit is not None:
        found.append(_window("Monthly", o, f"{today:%Y-%m}", config.monthly_send_limit, next_month))
    return found


def reads(o: str, config: Config, now: int) -> list[Key]:
    """What `require_quota` asks for, to be prefetched."""
    return [window.key for window in windows(o, config, now)]


def require_quota(o: str, recipients: int, *, items: ItemStore, config: Config, now: int) -> None:
    """Before anything is done. Raises RateLimited; so does beginning the send, for whom others were quicker than."""
    limited = windows(o, config, now)
    rows = items.batch_get([window.key for window in limited]) if limited else {}
    for window in limited:
        if not window.room(rows.get(window.key), recipients):
            raise window.exceeded(now)


def counting(window: Window, recipients: int) -> Update:
    """Takes the recipients from the window; its condition fails where they do not fit."""
    fits = any_of(Lacks("n"), AtMost("n", window.limit - recipients))
    return Update(window.key, (Add("n", recipients), Set("ttl", window.ttl)), fits)


def giving_back(o: str, counted: Iterable[Counted], recipients: int) -> list[Update]:
    """What a send took that ends without a mail. A window may be long over, and its row gone."""
    return [Update(keys.sends_counted(o, period), (Add("n", -recipients), Set("ttl", ttl))) for period, ttl in counted]


def _window(name: str, o: str, period: str, limit: int, ends: datetime) -> Window:
    return Window(name, keys.sends_counted(o, period), limit, int(ends.timestamp()) * 1000)
