from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from local.limits import TokenBuckets


def allowed(buckets: TokenBuckets, times: int, now: int, organization: str = "o") -> int:
    return sum(buckets.allow(organization, now) for _ in range(times))


def test_a_burst_is_allowed_and_then_the_rate() -> None:
    buckets = TokenBuckets(rate_per_second=50, burst=200)

    assert allowed(buckets, 300, 1000) == 200
    assert allowed(buckets, 300, 1100) == 5
    assert allowed(buckets, 300, 2100) == 50


def test_rest_fills_no_more_than_the_burst() -> None:
    buckets = TokenBuckets(rate_per_second=50, burst=10)
    allowed(buckets, 10, 0)

    assert allowed(buckets, 100, 10**9) == 10


def test_organizations_have_buckets_of_their_own() -> None:
    buckets = TokenBuckets(rate_per_second=1, burst=1)

    assert allowed(buckets, 5, 0, "a") == 1
    assert allowed(buckets, 5, 0, "b") == 1


def test_a_rate_of_zero_allows_everything() -> None:
    assert allowed(TokenBuckets(rate_per_second=0, burst=1), 1000, 0) == 1000


def test_a_clock_set_back_takes_nothing_away() -> None:
    buckets = TokenBuckets(rate_per_second=10, burst=10)
    allowed(buckets, 5, 10_000)

    assert allowed(buckets, 10, 5_000) == 5


def test_many_threads_get_no_more_than_there_is() -> None:
    buckets = TokenBuckets(rate_per_second=1, burst=100)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: allowed(buckets, 50, 0), range(8))) == 100


def test_idle_organizations_are_forgotten() -> None:
    buckets = TokenBuckets(rate_per_second=10, burst=10)
    for number in range(10_001):
        buckets.allow(str(number), number * 1000)

    assert len(buckets._buckets) < 100
