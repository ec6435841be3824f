from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.threads import bounded
from mailroom.threads.bounded import Bounded, extended, places

MAILS = st.lists(
    st.tuples(st.integers(1, 6), st.lists(st.sampled_from(["a", "bb", "cccc", "dddddd", "ee"]), max_size=4)), max_size=8
)


def collected(mails: list[tuple[int, list[str]]]) -> Bounded[str]:
    known: Bounded[str] = Bounded([], [])
    for ts, values in mails:
        known = extended(known, places(ts, values), identity=str, size=len)
    return known


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "MAX_VALUES", 4)
    monkeypatch.setattr(bounded, "MAX_BYTES", 11)


# The limits are the same for every example, so one patch serves them all.
@given(MAILS, st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None, suppress_health_check=())
def _order_does_not_matter(mails: list[tuple[int, list[str]]], order: random.Random) -> None:
    shuffled = list(mails)
    order.shuffle(shuffled)

    assert collected(shuffled) == collected(sorted(mails, key=lambda mail: mail[0]))


def test_a_cut_list_does_not_depend_on_the_order_of_additions() -> None:
    _order_does_not_matter()


def test_a_value_stands_where_it_first_appeared() -> None:
    assert collected([(5, ["bb"]), (3, ["a", "bb"])]).values == ["a", "bb"]
