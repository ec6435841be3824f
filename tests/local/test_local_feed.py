from __future__ import annotations

from typing import Any

import pytest

from local.feed import FeedRunner, Positions, worker_name
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from local.template import Function, StreamWorker
from mailroom.clock import now_ms
from mailroom.store.port import Key
from tests.support.polling import eventually

WORKER = StreamWorker("core", Function("Follow", "m", "handler"), 3, True)


class World:
    def __init__(self, database: Database) -> None:
        self.items = SqliteItemStore(database)
        self.positions = Positions(database, self.items.feed, [worker_name(WORKER)])
        self.batches: list[list[str]] = []
        self.answers: list[Any] = []
        self.runner = FeedRunner(self.items.feed, WORKER, self.positions, call=self.call, clock=now_ms)

    def call(self, function: Function, event: dict[str, Any], request_id: str) -> Any:
        self.batches.append([record["dynamodb"]["Keys"]["pk"]["S"] for record in event["Records"]])
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer(event) if callable(answer) else answer

    def put(self, *names: str, table: Any = "core") -> None:
        for name in names:
            self.items.put(Key(table, name, "-"), {"a": 1})


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_changes_come_in_order_and_once(world: World) -> None:
    world.put("a", "b", "c", "d")

    while world.runner.run_once():
        pass

    assert world.batches == [["a", "b", "c"], ["d"]]


def test_changes_of_other_tables_are_passed_over(world: World) -> None:
    world.put("x", table="ev")
    world.put("a")

    while world.runner.run_once():
        pass

    assert world.batches == [["a"]]


def test_a_failed_batch_comes_again_and_nothing_is_skipped(world: World) -> None:
    world.put("a", "b")
    world.answers = [RuntimeError("bug"), None]

    assert world.runner.run_once() is False
    assert world.runner.run_once() is True
    assert world.batches == [["a", "b"], ["a", "b"]]


def test_a_partial_answer_starts_again_at_the_first_failure(world: World) -> None:
    world.put("a", "b", "c")

    def second(event: dict[str, Any]) -> dict[str, Any]:
        return {"batchItemFailures": [{"itemIdentifier": event["Records"][1]["dynamodb"]["SequenceNumber"]}]}

    world.answers = [second]

    assert world.runner.run_once() is False
    assert world.runner.run_once() is True
    assert world.batches == [["a", "b", "c"], ["b", "c"]]


def test_a_worker_goes_on_where_it_was(world: World, database: Database) -> None:
    world.put("a")
    world.runner.run_once()
    again = World(database)
    again.put("b")
    again.runner.run_once()

    assert again.batches == [["b"]]


def test_a_worker_is_woken_by_a_change(world: World) -> None:
    world.runner.start()
    world.put("a")

    eventually(lambda: world.batches == [["a"]])
    world.runner.stop()


def test_the_log_is_trimmed_behind_the_slowest_worker(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("local.feed.TRIM_EVERY", 2)
    items = SqliteItemStore(database)
    positions = Positions(database, items.feed, ["fast", "slow"])
    for number in range(6):
        items.put(Key("core", str(number), "-"), {"a": 1})
    sequences = [record.sequence for record in items.feed.read(None, 10)[0]]

    positions.set("fast", sequences[5])
    untouched = len(items.feed.read(None, 10)[0])
    positions.set("slow", sequences[3])

    assert untouched == 6
    assert [record.sequence for record in items.feed.read(None, 10)[0]] == sequences[4:]
