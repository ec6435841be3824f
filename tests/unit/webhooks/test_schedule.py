from __future__ import annotations

import pytest

from mailroom.config import WEBHOOK_SCHEDULE_S, Config
from mailroom.webhooks.schedule import hop_s, next_due


def test_each_wait_counts_from_the_failure_before() -> None:
    at, waits = 0, []
    while (due := next_due(WEBHOOK_SCHEDULE_S, len(waits) + 1, at + 7)) is not None:
        waits.append(due - at - 7)
        at = due

    assert [wait // 1000 for wait in waits] == [5, 300, 1800, 7200, 18000, 36000, 36000]


@pytest.mark.parametrize(("rest_ms", "seconds"), [(-5, 0), (0, 0), (1, 1), (999, 1), (1000, 1), (1001, 2), (10**9, 900)])
def test_a_hop_is_never_too_short_nor_longer_than_a_queue_allows(rest_ms: int, seconds: int) -> None:
    assert hop_s(10_000 + rest_ms, 10_000) == seconds


def test_the_schedule_is_a_setting() -> None:
    assert Config.from_environment({"MAILROOM_WEBHOOK_SCHEDULE": "1,20"}).webhook_schedule == (1, 20)


def test_a_schedule_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError):
        Config.from_environment({"MAILROOM_WEBHOOK_SCHEDULE": "5,soon"})
