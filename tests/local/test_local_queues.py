from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from local.queue_runner import QueueRunner
from local.queues import SqliteQueues
from local.store.database import Database
from local.template import Function, Queue, QueueWorker
from mailroom.ports import QueueMessage
from tests.support.polling import eventually

QUEUES = {"jobs": Queue("jobs", "dead", 3), "dead": Queue("dead"), "endless": Queue("endless")}
FUNCTION = Function("Worker", "m", "handler")


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def queues(database: Database, time: Time) -> SqliteQueues:
    return SqliteQueues(database, QUEUES, clock=time)


def runner(queues: SqliteQueues, handler: Any, *, queue: str = "jobs", batch: int = 10, partial: bool = True) -> QueueRunner:
    worker = QueueWorker(queue, FUNCTION, batch, partial)
    return QueueRunner(queues, worker, call=lambda function, event, request_id: handler(event), threads=2)


def bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]


def fail(event: dict[str, Any]) -> None:
    raise RuntimeError("handler bug")


def test_a_message_reaches_the_handler_as_an_sqs_record(queues: SqliteQueues) -> None:
    seen: list[Any] = []
    queues.send("jobs", {"a": 1})

    runner(queues, seen.append).run_once()

    (record,) = seen[0]["Records"]
    assert record["body"] == '{"a":1}'
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].endswith(":jobs")
    assert queues.size("jobs") == 0


def test_messages_come_in_batches_in_order(queues: SqliteQueues) -> None:
    seen: list[list[str]] = []
    for number in range(5):
        queues.send("jobs", {"n": number})
    run = runner(queues, lambda event: seen.append(bodies(event)), batch=3)

    run.run_once()
    run.run_once()

    assert seen == [['{"n":0}', '{"n":1}', '{"n":2}'], ['{"n":3}', '{"n":4}']]


def test_an_unknown_queue_is_refused(queues: SqliteQueues) -> None:
    with pytest.raises(KeyError):
        queues.send("nowhere", {})


def test_a_delayed_message_waits(queues: SqliteQueues, time: Time) -> None:
    queues.send("jobs", {}, delay_s=60)
    early = queues.receive("jobs", 10)
    time.now += 60_000

    assert early == []
    assert len(queues.receive("jobs", 10)) == 1


def test_a_message_in_work_is_not_handed_out_again(queues: SqliteQueues, time: Time) -> None:
    queues.send("jobs", {})
    queues.receive("jobs", 10)
    time.now += 10**9

    assert queues.receive("jobs", 10) == []


def test_a_failed_message_comes_again_after_growing_waits(queues: SqliteQueues, time: Time) -> None:
    queues.send("endless", {})
    run = runner(queues, fail, queue="endless")
    waits = []
    for _ in range(4):
        run.run_once()
        start = time.now
        while queues._due_in("endless", time.now) != 0:
            time.now += 500
        waits.append(time.now - start)

    assert waits == [1000, 2000, 4000, 8000]


def test_only_the_failed_part_of_a_batch_comes_again(queues: SqliteQueues, time: Time) -> None:
    for number in range(3):
        queues.send("jobs", {"n": number})
    seen: list[list[str]] = []

    def handler(event: dict[str, Any]) -> dict[str, Any]:
        seen.append(bodies(event))
        failed = [record["messageId"] for record in event["Records"] if record["body"] == '{"n":1}']
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}

    run = runner(queues, handler)
    run.run_once()
    time.now += 5000
    run.run_once()

    assert seen == [['{"n":0}', '{"n":1}', '{"n":2}'], ['{"n":1}']]


@pytest.mark.parametrize(
    "answer", ["text", {"batchItemFailures": [{}]}, {"batchItemFailures": [{"itemIdentifier": "other"}]}, {"batchItemFailures": 3}]
)
def test_a_malformed_partial_answer_fails_the_whole_batch(queues: SqliteQueues, answer: Any) -> None:
    queues.send("jobs", {})

    runner(queues, lambda event: answer).run_once()

    assert queues.size("jobs") == 1


def test_an_answer_is_ignored_where_the_template_does_not_ask_for_it(queues: SqliteQueues) -> None:
    queues.send("jobs", {})

    runner(queues, lambda event: {"batchItemFailures": [{"itemIdentifier": "x"}]}, partial=False).run_once()

    assert queues.size("jobs") == 0


def test_what_was_received_too_often_goes_to_the_dead_letters(queues: SqliteQueues, time: Time) -> None:
    queues.send("jobs", {})
    run = runner(queues, fail)
    for _ in range(4):
        run.run_once()
        time.now += 100_000

    assert queues.size("jobs") == 0
    assert queues.size("dead") == 1


def test_dead_letters_are_put_back_as_new(queues: SqliteQueues, time: Time) -> None:
    queues.send("jobs", {"n": 1})
    run = runner(queues, fail)
    for _ in range(4):
        run.run_once()
        time.now += 100_000

    count = queues.redrive("jobs")

    assert count == 1
    assert [message.receives for message in queues.receive("jobs", 10)] == [1]


def test_a_queue_without_dead_letters_cannot_be_redriven(queues: SqliteQueues) -> None:
    with pytest.raises(KeyError):
        queues.redrive("endless")


def test_a_message_in_work_comes_again_after_a_restart_with_its_count(tmp_path: Path, time: Time) -> None:
    first = Database(tmp_path / "q.sqlite")
    queues = SqliteQueues(first, QUEUES, clock=time)
    queues.send("jobs", {"n": 1})
    queues.receive("jobs", 10)
    first.close()

    second = Database(tmp_path / "q.sqlite")
    again = SqliteQueues(second, QUEUES, clock=time).receive("jobs", 10)
    second.close()

    assert [(message.body, message.receives) for message in again] == [('{"n":1}', 2)]


def test_a_mail_that_kills_the_process_ends_in_the_dead_letters(tmp_path: Path, time: Time) -> None:
    for _ in range(4):
        database = Database(tmp_path / "q.sqlite")
        queues = SqliteQueues(database, QUEUES, clock=time)
        if queues.size("jobs") + queues.size("dead") == 0:
            queues.send("jobs", {})
        queues.receive("jobs", 10)
        dead = queues.size("dead")
        database.close()

    assert dead == 1


def test_a_clock_set_back_does_not_hold_up_messages(queues: SqliteQueues, time: Time) -> None:
    queues.send("jobs", {})
    time.now -= 10**6

    assert len(queues.receive("jobs", 10)) == 1


def test_workers_wake_at_once_and_lose_nothing(database: Database) -> None:
    queues = SqliteQueues(database, QUEUES)
    seen: list[str] = []
    lock = threading.Lock()

    def handler(event: dict[str, Any]) -> None:
        with lock:
            seen.extend(bodies(event))

    run = runner(queues, handler, batch=3)
    run.start()
    for number in range(50):
        queues.send("jobs", {"n": number})

    eventually(lambda: len(seen) >= 50)
    run.stop()
    assert len(seen) == len(set(seen)) == 50


def test_data_without_groups_is_taken_over(tmp_path: Path) -> None:
    database = Database(tmp_path / "q.sqlite")
    database.write(
        lambda connection: connection.execute(
            "CREATE TABLE queue_message (seq INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, message_id TEXT NOT NULL,"
            " body TEXT NOT NULL, due INTEGER NOT NULL, receives INTEGER NOT NULL DEFAULT 0, sent INTEGER NOT NULL, source TEXT)"
        )
    )
    database.write(
        lambda connection: connection.execute(
            "INSERT INTO queue_message (queue, message_id, body, due, sent) VALUES ('jobs', 'm', '{}', 0, 0)"
        )
    )

    received = SqliteQueues(database, QUEUES).receive("jobs", 10)
    database.close()

    assert [message.group for message in received] == [""]


def test_many_messages_are_sent_together_or_not_at_all(queues: SqliteQueues) -> None:
    with pytest.raises(TypeError):
        queues.send_many("jobs", [QueueMessage({}), QueueMessage({"x": object()})])

    queues.send_many("jobs", [QueueMessage({"n": number}) for number in range(3)])

    assert [message.body for message in queues.receive("jobs", 10)] == ['{"n":0}', '{"n":1}', '{"n":2}']
