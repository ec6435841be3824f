"""Timers on SQS delays, beyond a quarter of an hour on EventBridge Scheduler (docs/decisions/0013)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from mailroom.aws.queues import MAX_DELAY_S
from mailroom.clock import Clock, now_ms

if TYPE_CHECKING:
    from mailroom.ports import Queues

EARLY_MS = 90_000
"""Scheduler is exact to the minute only. What comes early can be delayed to the second, what comes late cannot be helped."""

_RETRIES = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
"""As long as Scheduler goes on trying: a timer that is a day late is better than none."""


class TimerFailure(OSError):
    """EventBridge Scheduler could not be reached or refused, also after the client's retries."""


class TimerQueue(NamedTuple):
    arn: str
    dead_letters_arn: str
    """Gets what Scheduler could not put into the queue."""


class SchedulerTimers:
    """Implements `ports.Timers`. `client` is called when a timer is first set that needs it."""

    def __init__(
        self,
        targets: Mapping[str, TimerQueue],
        *,
        group: str,
        role_arn: str,
        queues: Queues,
        client: Callable[[], Any],
        clock: Clock = now_ms,
    ) -> None:
        """`targets` by queue name; `group` of the schedules; `role_arn` is what Scheduler sends as."""
        self._targets = dict(targets)
        self._group = group
        self._role_arn = role_arn
        self._queues = queues
        self._client = client
        self._clock = clock

    def set(self, queue: str, name: str, at_ms: int, body: Mapping[str, Any]) -> None:
        """Raises KeyError for a queue that takes no timers here, TimerFailure, QueueFailure."""
        target = self._targets[queue]
        delay_s = -((self._clock() - at_ms) // 1000)
        if delay_s <= MAX_DELAY_S:
            self._queues.send(queue, body, delay_s=max(0, delay_s))
            return
        try:
            self._client().create_schedule(**self._schedule(target, name, at_ms, body))
        except (ClientError, BotoCoreError) as error:
            if _code(error) != "ConflictException":
                raise TimerFailure(str(error)) from error

    def cancel(self, queue: str, name: str, at_ms: int) -> None:
        """A message that is in the queue stays there. Raises TimerFailure."""
        if at_ms - EARLY_MS <= self._clock():
            return
        try:
            self._client().delete_schedule(GroupName=self._group, Name=name)
        except (ClientError, BotoCoreError) as error:
            if _code(error) != "ResourceNotFoundException":
                raise TimerFailure(str(error)) from error

    def _schedule(self, target: TimerQueue, name: str, at_ms: int, body: Mapping[str, Any]) -> dict[str, Any]:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((at_ms - EARLY_MS) // 1000))
        return {
            "GroupName": self._group,
            "Name": name,
            "ScheduleExpression": f"at({at})",
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ActionAfterCompletion": "DELETE",
            "Target": {
                "Arn": target.arn,
                "RoleArn": self._role_arn,
                "Input": json.dumps(body, separators=(",", ":")),
                "DeadLetterConfig": {"Arn": target.dead_letters_arn},
                "RetryPolicy": _RETRIES,
            },
        }


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""
