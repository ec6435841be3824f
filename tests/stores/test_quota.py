"""Send quotas on the stores: exact however many count at once, and free of charge where there are none (spec: limits.md)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from mailroom.clock import parse_instant
from mailroom.config import Config
from mailroom.errors import RateLimited
from mailroom.messages import quota
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import ItemStore, TransactionCancelled, Update
from tests.support.dynamo import one_call_at_a_time

O = "org-1"  # noqa: E741 - as everywhere
NOW = parse_instant("2025-12-31T18:30:00.250Z") // 1000
LIMITED = Config(daily_send_limit=10, monthly_send_limit=25)
DAY_MS = 24 * 3600 * 1000


def count(items: ItemStore, recipients: int, *, config: Config = LIMITED, now: int = NOW, o: str = O) -> Update | None:
    """The action that failed, if one did."""
    actions = quota.counting(o, recipients, config=config, now=now)
    try:
        items.transact(actions)
    except TransactionCancelled as cancelled:
        return actions[min(cancelled.failures)]
    return None


def used(items: ItemStore, window: str, o: str = O) -> int:
    return int((items.get(keys.sends_counted(o, window)) or {"sent": 0})["sent"])


def require(items: ItemStore, recipients: int, *, config: Config = LIMITED, now: int = NOW) -> None:
    quota.require_quota(O, recipients, items=items, config=config, now=now)


def test_each_recipient_counts_towards_day_and_month(items: ItemStore) -> None:
    count(items, 3)
    count(items, 4)

    assert (used(items, "2025-12-31"), used(items, "2025-12")) == (7, 7)


def test_a_hundred_that_count_at_once_leave_exactly_the_limit(items: ItemStore) -> None:
    config = Config(daily_send_limit=37)
    one_call_at_a_time()

    with ThreadPoolExecutor(16) as pool:
        failed = list(pool.map(lambda _: count(items, 1, config=config), range(100)))

    assert sum(failure is None for failure in failed) == 37
    assert used(items, "2025-12-31") == 37


def test_what_does_not_fit_counts_nowhere(items: ItemStore) -> None:
    count(items, 8)

    failed = count(items, 3)

    assert failed is not None
    assert str(quota.exceeded(failed, now=NOW)) == "Daily send limit exceeded"
    assert (used(items, "2025-12-31"), used(items, "2025-12")) == (8, 8)
    assert count(items, 2) is None


def test_the_first_send_of_a_day_is_held_to_the_limit_too(items: ItemStore) -> None:
    assert count(items, 11) is not None
    assert used(items, "2025-12-31") == 0


@pytest.mark.parametrize("limit", [0, 1])
def test_a_limit_may_be_as_low_as_nothing(items: ItemStore, limit: int) -> None:
    config = Config(monthly_send_limit=limit)

    outcomes = [count(items, 1, config=config) is None for _ in range(2)]

    assert outcomes == [limit == 1, False]


def test_a_day_and_a_month_begin_at_midnight_utc(items: ItemStore) -> None:
    count(items, 10, now=NOW - DAY_MS)
    count(items, 10)

    assert count(items, 6, now=NOW) is not None
    assert count(items, 10, now=NOW + 5 * 3600 * 1000 + 29 * 60_000 + 59_749) is not None
    assert count(items, 10, now=NOW + 5 * 3600 * 1000 + 29 * 60_000 + 59_750) is None
    assert (used(items, "2026-01-01"), used(items, "2026-01")) == (10, 10)


def test_organizations_do_not_share_a_quota(items: ItemStore) -> None:
    count(items, 10)

    assert count(items, 10, o="org-2") is None


def test_the_check_ahead_says_what_is_used_up_and_when_to_come_back(items: ItemStore) -> None:
    count(items, 9)
    require(items, 1)

    with pytest.raises(RateLimited, match="Daily send limit exceeded") as refused:
        require(items, 2)

    assert refused.value.retry_after == 5 * 3600 + 30 * 60
    assert "2026-01-01 at 00:00 UTC" in (refused.value.fix or "")


def test_the_month_is_named_where_the_next_day_would_not_help(items: ItemStore) -> None:
    earlier = parse_instant("2025-12-03T00:00:00Z") // 1000
    for day in range(2):
        count(items, 10, now=earlier + day * DAY_MS)
    count(items, 5, now=earlier + 2 * DAY_MS)

    with pytest.raises(RateLimited, match="Monthly send limit exceeded") as refused:
        require(items, 8, now=earlier + 2 * DAY_MS)

    assert refused.value.retry_after == 27 * 24 * 3600


def test_the_check_ahead_is_one_trip_and_reads_what_it_says(items: ItemStore) -> None:
    with metered() as meter:
        require(items, 1)

    assert meter.trips == 1
    assert quota.reads(O, LIMITED, NOW) == (keys.sends_counted(O, "2025-12"), keys.sends_counted(O, "2025-12-31"))


def test_without_limits_nothing_is_read_or_written(items: ItemStore) -> None:
    with metered() as meter:
        require(items, 1_000_000, config=Config())

    assert (meter.trips, quota.reads(O, Config(), NOW), quota.counting(O, 1, config=Config(), now=NOW)) == (0, (), [])


def test_what_the_provider_did_not_take_is_taken_back_from_the_window_it_was_counted_in(items: ItemStore) -> None:
    count(items, 4)
    count(items, 2)

    items.transact(quota.uncounting(O, 4, counted_at=NOW, daily=True, monthly=True))

    assert (used(items, "2025-12-31"), used(items, "2025-12")) == (2, 2)


def test_only_what_was_counted_is_taken_back(items: ItemStore) -> None:
    count(items, 4)

    items.transact(quota.uncounting(O, 4, counted_at=NOW, daily=False, monthly=True))

    assert (used(items, "2025-12-31"), used(items, "2025-12")) == (4, 0)
    assert quota.uncounting(O, 4, counted_at=NOW, daily=False, monthly=False) == []


def test_taking_back_from_a_counter_that_is_gone_leaves_none_behind(items: ItemStore) -> None:
    done = items.write(quota.uncounting(O, 4, counted_at=NOW, daily=True, monthly=False))

    assert done == [False]
    assert items.get(keys.sends_counted(O, "2025-12-31")) is None


def test_counters_outlive_their_window_as_long_as_a_send_can_stay_open(items: ItemStore) -> None:
    count(items, 1)

    rows = [items.get(key) for key in quota.reads(O, LIMITED, NOW)]

    ends = parse_instant("2026-01-01T00:00:00Z") // 1_000_000
    assert [row["ttl"] - ends for row in rows if row] == [quota.KEPT_SECONDS] * 2


@pytest.mark.parametrize(
    ("now", "day", "month"),
    [
        ("2024-02-28T23:59:59.999Z", 1, 24 * 3600 + 1),
        ("2024-02-29T00:00:00Z", 24 * 3600, 24 * 3600),
        ("2025-11-30T12:00:00.001Z", 12 * 3600, 12 * 3600),
        ("2025-12-01T00:00:00Z", 24 * 3600, 31 * 24 * 3600),
    ],
)
def test_the_time_to_wait_is_in_whole_seconds_to_the_window_s_end(now: str, day: int, month: int) -> None:
    at = parse_instant(now) // 1000
    by_month, by_day = quota.counting(O, 1, config=LIMITED, now=at)

    assert quota.exceeded(by_day, now=at).retry_after == day
    assert quota.exceeded(by_month.key, now=at).retry_after == month


def test_a_refusal_that_is_told_after_midnight_asks_for_a_moment_only() -> None:
    [by_day] = quota.counting(O, 1, config=Config(daily_send_limit=1), now=NOW)

    assert quota.exceeded(by_day, now=NOW + DAY_MS).retry_after == 1
