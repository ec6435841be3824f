from __future__ import annotations

from typing import Any

import pytest

from local.schedule import Scheduler
from local.store.database import Database
from local.template import Function, Schedule

HOUR = 3_600_000
SCHEDULE = Schedule("Tick.Hourly", Function("Tick", "m", "handler"), 3600, {"sweep": True})


class World:
    def __init__(self, database: Database) -> None:
        self.now = 10 * HOUR
        self.events: list[dict[str, Any]] = []
        self.broken = False
        self.database = database
        self.scheduler = self.make()

    def make(self) -> Scheduler:
        return Scheduler(self.database, [SCHEDULE], call=self.call, clock=lambda: self.now)

    def call(self, function: Function, event: dict[str, Any], request_id: str) -> None:
        self.events.append(event)
        if self.broken:
            raise RuntimeError("bug")


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_a_schedule_waits_its_period_and_gets_its_input(world: World) -> None:
    world.scheduler.run_due()
    early = len(world.events)
    world.now += HOUR
    world.scheduler.run_due()
    world.scheduler.run_due()

    assert early == 0
    assert [event["sweep"] for event in world.events] == [True]


def test_a_run_missed_while_stopped_is_made_up_for_once(world: World) -> None:
    world.now += 5 * HOUR
    scheduler = world.make()
    scheduler.run_due()
    scheduler.run_due()

    assert len(world.events) == 1


def test_a_failure_waits_for_the_next_time(world: World) -> None:
    world.broken = True
    world.now += HOUR
    world.scheduler.run_due()
    world.scheduler.run_due()

    assert len(world.events) == 1


def test_a_clock_set_back_puts_nothing_off(world: World) -> None:
    world.now -= 5 * HOUR
    world.scheduler.run_due()
    world.now += HOUR
    world.scheduler.run_due()

    assert len(world.events) == 0
    assert world.scheduler.run_due() <= 60
