"""What moto leaves out of EventBridge Scheduler: that schedules fire."""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable

from moto.scheduler.models import Schedule, scheduler_backends

ACCOUNT, REGION = "123456789012", "us-east-1"


def fire_due(group: str, send: Callable[[str, str], object], *, now_ms: int) -> int:
    """Hands ARN and input of each one-time schedule of the group whose time has come to `send`, then deletes it; how many."""
    schedules = scheduler_backends[ACCOUNT][REGION].schedule_groups[group].schedules
    due = [schedule for schedule in list(schedules.values()) if _at_ms(schedule) <= now_ms]
    for schedule in due:
        assert schedule.action_after_completion == "DELETE"
        send(schedule.target["Arn"], schedule.target["Input"])
        # It may have been deleted meanwhile: it fires all the same then, as a real one may.
        schedules.pop(schedule.name, None)
    return len(due)


def _at_ms(schedule: Schedule) -> int:
    assert schedule.schedule_expression_timezone == "UTC"
    return calendar.timegm(time.strptime(schedule.schedule_expression, "at(%Y-%m-%dT%H:%M:%S)")) * 1000
