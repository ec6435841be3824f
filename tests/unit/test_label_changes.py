"""Label changes that are killed between two calls, or race each other: all or nothing, and lists that show the truth."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from functions.messages import batch_update_messages, list_messages
from local.invoke import LambdaContext
from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.messages.delete import delete_message
from mailroom.messages.record import MessageRecord
from mailroom.messages.update import update_message
from mailroom.runtime import using
from mailroom.store import keys
from mailroom.threads import aggregate
from tests.support.crashes import Executioner, Killed
from tests.support.desk import SECRET, Desk
from tests.support.seed import seed

LABELS = ["one", "two"]


def call(desk: Desk, function: Any, path: str, body: Any = None, query: dict[str, str] | None = None) -> dict[str, Any]:
    event = {
        "httpMethod": "GET" if body is None else "POST",
        "resource": "/inboxes/{inbox_id}/" + path.split("/", 3)[3],
        "path": path,
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "multiValueQueryStringParameters": {name: [text] for name, text in (query or {}).items()},
        "body": None if body is None else json.dumps(body),
    }
    with using(desk.runtime):
        answer = function.handler(event, LambdaContext("test", "1"))
    assert answer["statusCode"] == 200, answer
    return dict(json.loads(answer["body"]))


def labelled(desk: Desk, inbox_id: str, label: str) -> list[str]:
    page = call(desk, list_messages, f"/inboxes/{inbox_id}/messages", query={"labels": label, "limit": "500"})
    return sorted(message["message_id"] for message in page["messages"])


def stored(desk: Desk, inbox_id: str, records: list[MessageRecord]) -> list[Any]:
    return [desk.items.get(keys.message(desk.o, inbox_id, record["message_id"])) for record in records]


@pytest.mark.parametrize("count", [3, 40])
def test_a_batch_killed_anywhere_changes_all_or_nothing(count: int) -> None:
    """Three fit one transaction with their entries, forty write their entries ahead."""
    at = 0
    while True:
        at += 1
        with Desk() as desk:
            inbox_id = desk.inbox()
            records = [seed(desk.runtime, desk.o, inbox_id) for _ in range(count)]
            items, executioner = desk.items, Executioner(at)
            desk.runtime.items = executioner.watch(items)
            ids = [record["message_id"] for record in records]
            body = {"message_ids": ids, "add_labels": LABELS, "remove_labels": "unread"}
            try:
                call(desk, batch_update_messages, f"/inboxes/{inbox_id}/messages/batch-update", body)
                finished = True
            except Killed:
                finished = False
            desk.runtime.items = items

            shown = labelled(desk, inbox_id, "one")
            changed = [record["message_id"] for record in stored(desk, inbox_id, records) if "one" in record["labels"]]
            assert shown == sorted(changed)
            assert len(changed) in (0, count)
            assert labelled(desk, inbox_id, "unread") == ([] if changed else sorted(ids))
            if finished:
                break
    assert at > 3


def test_many_changes_of_one_thread_at_once_all_count() -> None:
    with Desk() as desk:
        inbox_id, caller = desk.inbox(), Caller(desk.o, "organization", desk.o)
        first = seed(desk.runtime, desk.o, inbox_id)
        records = [first, *(seed(desk.runtime, desk.o, inbox_id, thread_id=first["thread_id"]) for _ in range(23))]
        options: Any = {"items": desk.items, "clock": desk.clock, "shards": 1}

        def change(number: int) -> None:
            message_id = records[number]["message_id"]
            if number % 4 == 3:
                delete_message(caller, inbox_id, message_id, **options)
            else:
                label = "trash" if number % 4 == 2 else "seen"
                update_message(caller, inbox_id, message_id, {"add_labels": [label]}, **options)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(change, range(24)))

        left = [record for record in stored(desk, inbox_id, records) if record]
        thread: Any = desk.items.get(keys.thread(desk.o, inbox_id, first["thread_id"]))
        rebuilt: Any = aggregate.rebuild(thread, left, now=0)
        assert len(left) == 18
        ignored = ("ver", "updated_at", "pk", "sk")
        assert {k: v for k, v in thread.items() if k not in ignored} == {k: v for k, v in rebuilt.items() if k not in ignored}
        assert len(labelled(desk, inbox_id, "seen")) == 12


def test_of_two_deletions_at_once_one_finds_nothing() -> None:
    with Desk() as desk:
        inbox_id, caller = desk.inbox(), Caller(desk.o, "organization", desk.o)
        record = seed(desk.runtime, desk.o, inbox_id)

        def delete(_: int) -> bool:
            try:
                delete_message(caller, inbox_id, record["message_id"], items=desk.items, clock=desk.clock, shards=1)
            except NotFound:
                return False
            return True

        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(delete, range(4)))

        assert sorted(results) == [False, False, False, True]
