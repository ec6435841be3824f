"""The sliding window behind the ceiling of a thread (docs/loops.md)."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.threads.window import HOUR_MS, counted, full_until

START = 485_000 * HOUR_MS
MINUTE_MS = 60_000

gaps = st.lists(st.integers(0, 20 * MINUTE_MS), min_size=1, max_size=120)
limits = st.integers(1, 12)


def let_through(limit: int, waits: list[int]) -> list[int]:
    """The times of those that may be sent, of attempts so long after each other."""
    window: list[int] = []
    now, sent = START, []
    for wait in waits:
        now += wait
        if full_until(window, limit, now) is None:
            window = counted(window, now, now=now)
            sent.append(now)
    return sent


@given(limits, gaps)
@settings(max_examples=300, deadline=None)
def test_no_clock_hour_has_more_than_the_limit(limit: int, waits: list[int]) -> None:
    sent = let_through(limit, waits)

    hours = [at // HOUR_MS for at in sent]
    assert all(hours.count(hour) <= limit for hour in hours)


@given(limits, gaps)
@settings(max_examples=300, deadline=None)
def test_no_sixty_minutes_have_twice_the_limit(limit: int, waits: list[int]) -> None:
    sent = let_through(limit, waits)

    assert all(sum(first <= at < first + HOUR_MS for at in sent) < max(2 * limit, 2) for first in sent)


@given(limits, st.lists(st.integers(0, 20_000), min_size=1, max_size=120))
@settings(max_examples=200, deadline=None)
def test_within_one_clock_hour_the_limit_is_exact(limit: int, waits: list[int]) -> None:
    assert len(let_through(limit, waits)) == min(limit, len(waits))


@given(limits, gaps)
@settings(max_examples=300, deadline=None)
def test_a_full_thread_is_free_when_it_was_said_to_be_and_not_before(limit: int, waits: list[int]) -> None:
    window, now = [START // HOUR_MS, 0, 0], START
    for wait in waits:
        now += wait
        if (free := full_until(window, limit, now)) is not None:
            assert now < free <= now + 2 * HOUR_MS
            assert full_until(window, limit, free - 1) is not None
            assert full_until(window, limit, free) is None
            now = free
        window = counted(window, now, now=now)


@given(st.lists(st.integers(0, 5 * HOUR_MS), min_size=1, max_size=40), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_the_order_in_which_messages_are_stored_does_not_matter(offsets: list[int], order: random.Random) -> None:
    now = START + 5 * HOUR_MS

    def after(times: list[int]) -> list[int]:
        window: list[int] = []
        for at in times:
            window = counted(window, START + at, now=now)
        return window

    first = after(offsets)
    order.shuffle(offsets)

    assert after(offsets) == first


def test_half_an_hour_on_half_of_the_hour_before_counts() -> None:
    window = [START // HOUR_MS, 10, 0]
    half_past = START + HOUR_MS + HOUR_MS // 2

    assert full_until(window, 6, half_past) is None
    assert full_until(window, 5, half_past) == START + HOUR_MS + HOUR_MS * 6 // 10


def test_an_instance_whose_clock_is_a_second_behind_counts_what_the_next_hour_has() -> None:
    just_before = START + HOUR_MS - 1
    window = [START // HOUR_MS + 1, 1, 3]

    assert full_until(window, 5, just_before) is None
    assert full_until(window, 4, just_before) is not None
    assert counted(window, just_before, now=just_before) == [START // HOUR_MS + 1, 1, 4]


def test_a_clock_that_is_set_back_does_not_close_a_thread_for_days() -> None:
    window = [START // HOUR_MS + 100, 30, 30]

    assert full_until(window, 1, START) is None
    assert counted(window, START, now=START) == [START // HOUR_MS, 1, 0]
