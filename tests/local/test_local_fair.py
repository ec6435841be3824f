"""Groups of a queue share its workers: who hangs leaves the others theirs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local.fair import FairRunner, fair_share
from local.queues import SqliteQueues
from local.store.database import Database
from local.template import Function, Queue, QueueWorker
from mailroom.clock import now_ms
from mailroom.ports import QueueMessage
from tests.support.polling import eventually

QUEUES = {"jobs": Queue("jobs", "dead", 2), "dead": Queue("dead")}
WORKERS = 16
MOST = 3
"""What one group gets of them: a fourth would be more than a quarter of the thirteen left."""


class Shop:
    """A queue with a runner whose handler waits for `release` in the groups that hang."""

    def __init__(self, database: Database, *, hanging: str = "") -> None:
        self.queues = SqliteQueues(database, QUEUES)
        self.release = threading.Event()
        self.gate = threading.Lock()
        self.started: list[str] = []
        self.done: list[str] = []
        self.hanging = hanging
        worker = QueueWorker("jobs", Function("Worker", "m", "handler"), 1, True, WORKERS)
        self.runner = FairRunner(self.queues, database, worker, call=self._call, clock=now_ms)

    def _call(self, function: Function, event: Any, request_id: str) -> None:
        (record,) = event["Records"]
        with self.gate:
            self.started.append(record["body"])
        if record["body"][2] in self.hanging:
            self.release.wait(20)
        with self.gate:
            self.done.append(record["body"])

    def send(self, group: str, count: int) -> None:
        self.queues.send_many("jobs", [QueueMessage({group: number}, group) for number in range(count)])

    def started_of(self, group: str) -> int:
        with self.gate:
            return sum(body[2] == group for body in self.started)

    def done_of(self, group: str) -> int:
        with self.gate:
            return sum(body[2] == group for body in self.done)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "q.sqlite")
    yield opened
    opened.close()


def test_every_message_is_worked_on_once(database: Database) -> None:
    shop = Shop(database)
    shop.runner.start()
    for group in "abc":
        shop.send(group, 20)

    eventually(lambda: len(shop.done) >= 60)
    shop.runner.stop()

    assert len(shop.done) == len(set(shop.done)) == 60
    assert shop.queues.size("jobs") == 0


def test_a_group_that_hangs_leaves_the_others_their_workers(database: Database) -> None:
    shop = Shop(database, hanging="d")
    shop.send("d", 500)
    shop.runner.start()
    eventually(lambda: shop.started_of("d") == MOST)

    shop.send("l", 50)
    eventually(lambda: shop.done_of("l") == 50)

    assert shop.started_of("d") == MOST
    shop.release.set()
    shop.runner.stop()


def test_many_groups_that_hang_leave_one_more_its_worker(database: Database) -> None:
    shop = Shop(database, hanging="abcde")
    for group in "abcde":
        shop.send(group, 10)
    shop.runner.start()
    eventually(lambda: all(shop.started_of(group) for group in "abcde"))

    shop.send("l", 10)
    eventually(lambda: shop.done_of("l") == 10)

    shop.release.set()
    shop.runner.stop()


def test_a_group_gets_its_next_workers_as_its_messages_are_done(database: Database) -> None:
    shop = Shop(database, hanging="d")
    shop.send("d", 10)
    shop.runner.start()
    eventually(lambda: shop.started_of("d") == MOST)

    shop.release.set()

    eventually(lambda: shop.done_of("d") == 10)
    shop.runner.stop()


def test_a_delayed_message_starts_when_it_is_due(database: Database) -> None:
    shop = Shop(database)
    shop.runner.start()
    shop.queues.send("jobs", {"a": 0}, delay_s=1, group="a")

    eventually(lambda: shop.done_of("a") == 1)
    shop.runner.stop()


def test_what_fails_too_often_goes_to_the_dead_letters(database: Database) -> None:
    shop = Shop(database)
    shop.runner._runner._call = lambda *_: 1 / 0
    shop.runner.start()
    shop.send("a", 1)

    eventually(lambda: shop.queues.size("dead") == 1)
    shop.runner.stop()


def test_messages_in_work_come_again_after_a_restart(database: Database) -> None:
    shop = Shop(database, hanging="d")
    shop.send("d", 1)
    shop.runner.run_once()
    eventually(lambda: shop.started_of("d"))

    again = Shop(database)
    again.runner.run_once()

    eventually(lambda: again.done_of("d") == 1)
    shop.release.set()
    shop.runner._pool.shutdown()
    again.runner._pool.shutdown()


@pytest.mark.parametrize(("free", "share"), [(32, 8), (8, 2), (7, 1), (1, 1)])
def test_a_share_is_a_quarter_of_what_is_free_and_always_one(free: int, share: int) -> None:
    assert fair_share(free) == share
