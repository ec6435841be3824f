from __future__ import annotations

import pytest

from local.store.sqlite import SqliteItemStore
from mailroom.aws.limits import REPORT_EVERY, WINDOW_MS, SharedRateLimiter
from mailroom.store.meter import metered
from mailroom.store.port import ItemStore, StoreBusy

NOW = 1_767_268_800_000


def limiter(items: ItemStore, *, rate: int = 5, burst: int = 20) -> SharedRateLimiter:
    return SharedRateLimiter(rate_per_second=rate, burst=burst, items=items)


def passed(instance: SharedRateLimiter, count: int, now_ms: int = NOW) -> int:
    return sum(instance.allow("o", now_ms) for _ in range(count))


def test_one_instance_lets_the_burst_through_and_then_the_rate(items: SqliteItemStore) -> None:
    instance = limiter(items)

    assert passed(instance, 30) == 20
    assert passed(instance, 30, NOW + 1000) == 5


def test_organizations_do_not_share_a_bucket(items: SqliteItemStore) -> None:
    instance = limiter(items)
    passed(instance, 30)

    assert instance.allow("another", NOW)


def test_a_rate_of_zero_is_no_limit(items: SqliteItemStore) -> None:
    assert passed(limiter(items, rate=0), 1000) == 1000


def test_many_instances_together_stay_near_the_windows_limit(items: SqliteItemStore) -> None:
    instances = [limiter(items) for _ in range(10)]

    total = sum(instance.allow("o", NOW + second * 500) for second in range(20) for instance in instances for _ in range(10))

    window_limit = 5 * WINDOW_MS // 1000 + 20
    assert total <= window_limit + len(instances) * REPORT_EVERY


def test_a_closed_organization_is_open_again_in_the_next_window(items: SqliteItemStore) -> None:
    first, second = limiter(items, burst=80), limiter(items, burst=80)
    passed(first, 80)
    passed(second, 80)

    assert not second.allow("o", NOW + 9_999)
    assert second.allow("o", NOW + WINDOW_MS)


def test_the_shared_counter_costs_a_tenth_of_a_trip_per_request(items: SqliteItemStore) -> None:
    instance = limiter(items, rate=1000, burst=1000)
    with metered() as meter:
        passed(instance, 500)

    assert meter.trips == 500 // REPORT_EVERY


def test_a_clock_set_back_gives_no_tokens_and_takes_none(items: SqliteItemStore) -> None:
    instance = limiter(items)
    passed(instance, 10)

    assert passed(instance, 30, NOW - 60_000) == 10


def test_nobody_is_refused_because_the_counter_cannot_be_written(items: SqliteItemStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object) -> None:
        raise StoreBusy

    monkeypatch.setattr(items, "update", busy)

    assert passed(limiter(items), 20) == 20
