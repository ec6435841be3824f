"""Timers are queue messages that are due at a time, whatever happens until then."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from local import queues as queues_module
from local.fair import FairRunner
from local.queue_runner import QueueRunner
from local.queues import Bell, SqliteQueues
from local.store.database import Database
from local.template import Function, Queue, QueueWorker
from local.timers import SqliteTimers
from mailroom.clock import Clock, now_ms
from tests.local.inside import TEMPLATE
from tests.support.polling import eventually

QUEUES = {"drafts": Queue("drafts", "dead", 3), "dead": Queue("dead")}
HOUR_MS = 3_600_000
YEAR_MS = 365 * 24 * HOUR_MS
NAME = "d-01890a5d-ac96-774b-bcce-b302099a8057-1750000000000"


class World:
    """A data folder, whose processes come and go, and the clock on the wall."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self.now = 1_750_000_000_000
        self.path = path
        self.clock = clock or (lambda: self.now)
        self.open()

    def open(self) -> None:
        self.database = Database(self.path)
        self.queues = SqliteQueues(self.database, QUEUES, clock=self.clock)
        self.timers = SqliteTimers(self.database, self.queues)

    def restart(self) -> None:
        self.database.close()
        self.open()

    def fired(self) -> list[str]:
        return [message.body for message in self.queues.receive("drafts", 10)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "q.sqlite")
    yield made
    made.database.close()


@pytest.mark.parametrize("ahead_ms", [1, 1500, 900_001, HOUR_MS, YEAR_MS])
def test_a_timer_is_due_to_the_millisecond_however_far_ahead(world: World, ahead_ms: int) -> None:
    at = world.now + ahead_ms
    world.timers.set("drafts", NAME, at, {"draft_id": "1"})

    world.now = at - 1
    early = world.fired()
    world.now = at

    assert early == []
    assert world.fired() == ['{"draft_id":"1"}']


def test_a_timer_for_the_past_fires_at_once(world: World) -> None:
    world.timers.set("drafts", NAME, world.now - HOUR_MS, {})

    assert world.fired() == ["{}"]


def test_timers_fire_in_the_order_of_their_times(world: World) -> None:
    for ahead in (3, 1, 2):
        world.timers.set("drafts", f"t{ahead}", world.now + ahead, {"n": ahead})
    world.now += HOUR_MS

    assert world.fired() == ['{"n":1}', '{"n":2}', '{"n":3}']


def test_a_timer_survives_a_restart(world: World) -> None:
    world.timers.set("drafts", NAME, world.now + HOUR_MS, {})
    world.restart()

    early = world.fired()
    world.now += HOUR_MS

    assert (early, world.fired()) == ([], ["{}"])


def test_a_timer_that_was_in_work_when_the_process_died_fires_again(world: World) -> None:
    world.timers.set("drafts", NAME, world.now, {})
    first = world.fired()
    world.restart()

    assert (first, world.fired()) == (["{}"], ["{}"])


def test_a_cancelled_timer_never_fires(world: World) -> None:
    at = world.now + HOUR_MS
    world.timers.set("drafts", NAME, at, {})

    world.timers.cancel("drafts", NAME, at)
    world.now = at

    assert world.queues.size("drafts") == 0
    assert world.fired() == []


def test_cancelling_leaves_other_names_and_other_times(world: World) -> None:
    at = world.now + HOUR_MS
    world.timers.set("drafts", "a", at, {"n": 1})
    world.timers.set("drafts", "b", at, {"n": 2})
    world.timers.set("drafts", "a", at + 1, {"n": 3})

    world.timers.cancel("drafts", "a", at)
    world.timers.cancel("drafts", "unknown", at)
    world.now = at + 1

    assert world.fired() == ['{"n":2}', '{"n":3}']


def test_cancelling_what_is_in_work_does_not_take_it_away(world: World) -> None:
    world.timers.set("drafts", NAME, world.now, {})
    (message,) = world.queues.receive("drafts", 1)

    world.timers.cancel("drafts", NAME, world.now)
    world.queues.settle("drafts", [], [message])

    assert world.queues.size("drafts") == 1


def test_a_timer_set_twice_is_one_with_the_last_body(world: World) -> None:
    at = world.now + HOUR_MS
    for number in (1, 2):
        world.timers.set("drafts", NAME, at, {"n": number})
    world.now = at

    assert world.fired() == ['{"n":2}']


def test_a_timer_leads_to_a_queue_of_the_template(world: World) -> None:
    with pytest.raises(KeyError):
        world.timers.set("nowhere", NAME, world.now, {})


def test_cancelling_looks_only_at_what_is_due_at_that_time(world: World) -> None:
    statements: list[str] = []
    world.database.write(lambda connection: connection.set_trace_callback(statements.append))

    world.timers.cancel("drafts", NAME, world.now)

    world.database.write(lambda connection: connection.set_trace_callback(None))
    (deletion,) = (statement for statement in statements if statement.startswith("DELETE"))
    plan = [row[3] for row in world.database.read().execute(f"EXPLAIN QUERY PLAN {deletion}")]
    assert plan == ["SEARCH queue_message USING INDEX queue_message_order (queue=? AND due=?)"]


def test_a_clock_set_back_lets_a_timer_wait_for_its_time(world: World) -> None:
    at = world.now + HOUR_MS
    world.timers.set("drafts", NAME, at, {})

    world.now -= 10 * HOUR_MS
    early = world.fired()
    world.now = at

    assert (early, world.fired()) == ([], ["{}"])


def test_a_ring_reaches_everybody_who_listens_from_before() -> None:
    bell = Bell()
    marks = [bell.mark(), bell.mark()]
    bell.ring()

    for mark in marks:
        bell.listen(mark, 3600)

    assert bell.mark() not in marks


Make = Callable[[World, Callable[[Any], None]], QueueRunner | FairRunner]


def plain(world: World, handler: Callable[[Any], None]) -> QueueRunner:
    worker = QueueWorker("drafts", Function("Worker", "m", "handler"), 10, True)
    return QueueRunner(world.queues, worker, call=lambda function, event, request_id: handler(event), threads=2)


def fair(world: World, handler: Callable[[Any], None]) -> FairRunner:
    worker = QueueWorker("drafts", Function("Worker", "m", "handler"), 1, True, 4)
    return FairRunner(
        world.queues, world.database, worker, call=lambda function, event, request_id: handler(event), clock=world.clock
    )


class Working:
    """A runner over `world` that tells what it was given, and when it has gone to sleep."""

    def __init__(self, world: World, make: Make) -> None:
        self.bodies: list[str] = []
        self.asleep = threading.Event()
        self._world = world
        self._runner = make(world, self._note)

    def __enter__(self) -> Working:
        listen = self._world.queues.listen

        def noted(queue: str, mark: int, ahead: int | None) -> None:
            self.asleep.set()
            listen(queue, mark, ahead)

        self._world.queues.listen = noted  # type: ignore[method-assign]
        self._runner.start()
        assert self.asleep.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.stop()

    def _note(self, event: Any) -> None:
        self.bodies += [record["body"] for record in event["Records"]]


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody wakes but by a bell, or when it is time."""
    monkeypatch.setattr(queues_module, "_LOOK_S", 3600.0)
    monkeypatch.setattr(queues_module, "_IDLE_S", 3600.0)


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize("make", [plain, fair])
@pytest.mark.parametrize("farther", [None, HOUR_MS])
def test_a_nearer_timer_wakes_those_who_sleep_until_a_later_one(tmp_path: Path, make: Make, farther: int | None) -> None:
    world = World(tmp_path / "q.sqlite", now_ms)
    if farther is not None:
        world.timers.set("drafts", "far", now_ms() + farther, {"n": "far"})

    with Working(world, make) as working:
        world.timers.set("drafts", "near", now_ms() + 200, {"n": "near"})
        eventually(lambda: working.bodies)

    assert working.bodies == ['{"n":"near"}']
    world.database.close()


@pytest.mark.parametrize("make", [plain, fair])
def test_a_clock_that_is_set_forward_is_noticed_by_those_who_sleep(world: World, make: Make) -> None:
    world.timers.set("drafts", NAME, world.now + YEAR_MS, {})

    with Working(world, make) as working:
        world.now += YEAR_MS
        eventually(lambda: working.bodies)

    assert working.bodies == ["{}"]


@pytest.mark.parametrize("make", [plain, fair])
def test_a_timer_that_the_process_slept_through_fires_after_the_start(world: World, make: Make) -> None:
    world.timers.set("drafts", NAME, world.now + HOUR_MS, {})
    world.now += YEAR_MS
    world.restart()

    with Working(world, make) as working:
        eventually(lambda: working.bodies)

    assert working.bodies == ["{}"]


def test_a_stack_has_timers_over_its_queues() -> None:
    with Stack(template=TEMPLATE) as stack:
        queue = next(
            name for name in stack.template.queues if name not in {worker.queue for worker in stack.template.queue_workers}
        )
        stack.runtime.timers.set(queue, NAME, now_ms() + YEAR_MS, {})

        assert stack.queues.size(queue) == 1
