from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from mailroom.aws.queues import MAX_DELAY_S, QueueFailure, SqsQueues
from mailroom.aws.timers import SchedulerTimers, TimerFailure, TimerQueue
from mailroom.clock import now_ms
from tests.support.fakes import TIMER_NAME, QueueList
from tests.support.faults import refused
from tests.support.moto_stack import client
from tests.support.schedules import fire_due

NOW = 1_900_000_000_000
"""2030-03-17T17:46:40Z."""
HOUR_MS = 3_600_000
NAME = "d-01890a5d-ac96-774b-bcce-b302099a8057-1900000000000"
DRAFTS = TimerQueue("arn:aws:sqs:us-east-1:123456789012:drafts", "arn:aws:sqs:us-east-1:123456789012:drafts-dead")
ROLE = "arn:aws:iam::123456789012:role/timers"


class Timing:
    """Timers at a given time, with what they led to."""

    def __init__(self, scheduler: Any, *, now: int = NOW) -> None:
        self.now = now
        self.group = f"g{uuid.uuid4().hex[:12]}"
        self.queues = QueueList()
        self.scheduler = scheduler
        self.asked = 0
        self.timers = SchedulerTimers(
            {"drafts": DRAFTS}, group=self.group, role_arn=ROLE, queues=self.queues, client=self._client, clock=lambda: self.now
        )

    def _client(self) -> Any:
        self.asked += 1
        return self.scheduler

    def schedules(self) -> list[str]:
        return [each["Name"] for each in self.scheduler.list_schedules(GroupName=self.group)["Schedules"]]


@pytest.fixture
def timing() -> Timing:
    made = Timing(client("scheduler"))
    made.scheduler.create_schedule_group(Name=made.group)
    return made


@pytest.mark.parametrize(
    ("ahead_ms", "delay_s"),
    [(-HOUR_MS, 0), (0, 0), (1, 1), (1000, 1), (1001, 2), (899_001, 900), (MAX_DELAY_S * 1000, 900)],
)
def test_up_to_a_quarter_of_an_hour_a_timer_is_a_message_that_never_comes_early(
    timing: Timing, ahead_ms: int, delay_s: int
) -> None:
    timing.timers.set("drafts", NAME, NOW + ahead_ms, {"draft_id": "1"})

    assert (timing.queues.messages, timing.queues.delays) == ([("drafts", {"draft_id": "1"})], [delay_s])
    assert timing.asked == 0


def test_beyond_that_it_is_a_schedule_that_fires_early_and_deletes_itself(timing: Timing) -> None:
    timing.timers.set("drafts", NAME, NOW + HOUR_MS + 999, {"draft_id": "1"})

    made = timing.scheduler.get_schedule(GroupName=timing.group, Name=NAME)
    assert timing.queues.messages == []
    assert made["ScheduleExpression"] == "at(2030-03-17T18:45:10)"
    assert made["ScheduleExpressionTimezone"] == "UTC"
    assert made["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert made["ActionAfterCompletion"] == "DELETE"


def test_a_schedule_sends_the_body_as_the_role_and_leaves_what_it_cannot_send(timing: Timing) -> None:
    timing.timers.set("drafts", NAME, NOW + HOUR_MS, {"draft_id": "1", "ver": 2})

    target = timing.scheduler.get_schedule(GroupName=timing.group, Name=NAME)["Target"]
    assert (target["Arn"], target["RoleArn"]) == (DRAFTS.arn, ROLE)
    assert json.loads(target["Input"]) == {"draft_id": "1", "ver": 2}
    assert target["DeadLetterConfig"] == {"Arn": DRAFTS.dead_letters_arn}
    assert target["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_one_millisecond_too_far_for_a_queue_is_a_schedule(timing: Timing) -> None:
    timing.timers.set("drafts", NAME, NOW + MAX_DELAY_S * 1000 + 1, {})

    assert timing.schedules() == [NAME]
    assert timing.queues.messages == []


def test_a_year_ahead_is_a_schedule(timing: Timing) -> None:
    timing.timers.set("drafts", NAME, NOW + 365 * 24 * HOUR_MS, {})

    made = timing.scheduler.get_schedule(GroupName=timing.group, Name=NAME)
    assert made["ScheduleExpression"] == "at(2031-03-17T17:45:10)"


def test_the_name_of_a_drafts_timer_is_one_that_scheduler_takes() -> None:
    name = client("scheduler").meta.service_model.shape_for("Name")

    assert TIMER_NAME.fullmatch(NAME)
    assert len(NAME) + 1 <= name.metadata["max"] == 64


def test_a_timer_that_is_there_already_is_set(timing: Timing) -> None:
    for _ in range(2):
        timing.timers.set("drafts", NAME, NOW + HOUR_MS, {})

    assert timing.schedules() == [NAME]


def test_a_cancelled_timers_schedule_is_gone_and_others_stay(timing: Timing) -> None:
    for name in ("first", "second"):
        timing.timers.set("drafts", name, NOW + HOUR_MS, {})

    timing.timers.cancel("drafts", "first", NOW + HOUR_MS)

    assert timing.schedules() == ["second"]


def test_cancelling_what_is_no_schedule_is_no_error(timing: Timing) -> None:
    timing.timers.set("drafts", NAME, NOW + 600_000, {})

    timing.timers.cancel("drafts", NAME, NOW + 600_000)

    assert timing.queues.messages == [("drafts", {})]


@pytest.mark.parametrize("ahead_ms", [-HOUR_MS, 0, 90_000])
def test_what_would_have_fired_by_now_is_not_looked_for(timing: Timing, ahead_ms: int) -> None:
    timing.timers.cancel("drafts", NAME, NOW + ahead_ms)

    assert timing.asked == 0


def test_a_queue_without_timers_is_refused(timing: Timing) -> None:
    with pytest.raises(KeyError):
        timing.timers.set("purge", NAME, NOW, {})


class Refusing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def create_schedule(self, **arguments: Any) -> Any:
        raise self._error

    delete_schedule = create_schedule


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException", status=429),
        refused("ServiceQuotaExceededException", status=402),
        refused("InternalServerException", status=500),
        ConnectTimeoutError(endpoint_url="https://scheduler"),
    ],
)
def test_what_scheduler_does_not_take_is_an_os_error(error: Exception) -> None:
    timing = Timing(Refusing(error))

    with pytest.raises(TimerFailure):
        timing.timers.set("drafts", NAME, NOW + HOUR_MS, {})
    with pytest.raises(TimerFailure):
        timing.timers.cancel("drafts", NAME, NOW + HOUR_MS)
    assert issubclass(TimerFailure, OSError)


def test_a_group_that_is_missing_is_told_when_a_timer_is_set() -> None:
    timing = Timing(Refusing(refused("ResourceNotFoundException", status=404)))

    with pytest.raises(TimerFailure):
        timing.timers.set("drafts", NAME, NOW + HOUR_MS, {})


def test_a_short_timer_that_sqs_does_not_take_is_an_os_error() -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=f"q{uuid.uuid4().hex}")["QueueUrl"]
    sqs.delete_queue(QueueUrl=url)
    queues = SqsQueues({"drafts": url}, client=lambda: sqs)
    timers = SchedulerTimers({"drafts": DRAFTS}, group="g", role_arn=ROLE, queues=queues, client=lambda: client("scheduler"))

    with pytest.raises(QueueFailure):
        timers.set("drafts", NAME, now_ms() + 1000, {})


def test_a_schedule_whose_time_has_come_fires_once(timing: Timing) -> None:
    timing.timers.set("drafts", "near", NOW + HOUR_MS, {"n": 1})
    timing.timers.set("drafts", "far", NOW + 2 * HOUR_MS, {"n": 2})
    sent: list[tuple[str, str]] = []

    for at in (NOW + HOUR_MS - 90_001, NOW + HOUR_MS - 90_000, NOW + HOUR_MS):
        fire_due(timing.group, lambda arn, body: sent.append((arn, body)), now_ms=at)

    assert sent == [(DRAFTS.arn, '{"n":1}')]
    assert timing.schedules() == ["far"]
    with pytest.raises(ClientError):
        timing.scheduler.get_schedule(GroupName=timing.group, Name="near")
