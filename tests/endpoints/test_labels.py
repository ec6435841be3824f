"""Labels: changing them on messages, in batches and on threads, and who may (spec: labels.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from functions.messages import update_message
from local.invoke import LambdaContext
from mailroom.messages.record import MessageRecord
from mailroom.runtime import using
from mailroom.store.meter import metered
from tests.support.identity import organization_id, using_key
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox

Put = Callable[..., MessageRecord]


@pytest.fixture
def put(stack: Mailbox, inbox: str) -> Put:
    o = organization_id(stack.http)
    return lambda **fields: seed(stack.runtime, o, inbox, **fields)


def at(inbox: str, record: MessageRecord) -> str:
    return f"/inboxes/{inbox}/messages/{quote(record['message_id'], safe='')}"


def listed(stack: Mailbox, inbox: str, label: str, **flags: str) -> list[str]:
    page = stack.http.get(f"/inboxes/{inbox}/messages", params={"labels": label, "limit": 500, **flags}).json()
    return [message["message_id"] for message in page["messages"]]


def test_the_sdk_marks_a_message_as_read(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()

    changed = stack.client.inboxes.messages.update(inbox, record["message_id"], add_labels=["Done"], remove_labels=["unread"])

    assert changed.labels == ["received", "done"]
    assert listed(stack, inbox, "done") == [record["message_id"]]
    assert listed(stack, inbox, "unread") == []
    assert stack.http.get(f"/inboxes/{inbox}/threads/{record['thread_id']}").json()["labels"] == ["received", "done"]


def test_removal_wins_and_repeats_change_nothing(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()
    body = {"add_labels": ["a", "b"], "remove_labels": "b"}

    first = stack.http.patch(at(inbox, record), body).json()
    shown = stack.http.get(at(inbox, record)).json()

    assert first["labels"] == ["received", "a", "unread"]
    assert stack.http.patch(at(inbox, record), body).json() == first
    assert stack.http.get(at(inbox, record)).json() == shown


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, ["add_labels"]),
        ({"add_labels": [], "remove_labels": []}, ["add_labels"]),
        ({"add_labels": ["ok", "Sent"]}, ["add_labels", 1]),
        ({"remove_labels": "received"}, ["remove_labels"]),
        ({"add_labels": ["scheduled"]}, ["add_labels", 0]),
        ({"add_labels": ["x" * 257]}, ["add_labels", 0]),
        ({"add_labels": [" "]}, ["add_labels", 0]),
        ({"add_labels": [7]}, ["add_labels", 0]),
        ({"add_labels": {"a": 1}}, ["add_labels"]),
        ({"add_labels": None}, ["add_labels"]),
        ({"add_labels": [f"l{n}" for n in range(99)]}, ["add_labels"]),
    ],
)
def test_a_malformed_change_names_its_field(stack: Mailbox, inbox: str, put: Put, body: Any, path: list[Any]) -> None:
    record = put()

    answers = [
        stack.http.patch(at(inbox, record), body),
        stack.http.patch(f"/inboxes/{inbox}/threads/{record['thread_id']}", body),
        stack.http.post(f"/inboxes/{inbox}/messages/batch-update", {"message_ids": [record["message_id"]], **body}),
    ]

    assert [answer.status_code for answer in answers] == [400, 400, 400]
    assert [answer.json()["errors"][0]["path"] for answer in answers] == [path, path, path]
    assert stack.http.get(at(inbox, record)).json()["labels"] == ["received", "unread"]


def test_a_restricted_label_needs_its_permission(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()
    key = using_key(stack, {"message_read": True, "message_update": True, "label_trash_read": True})

    refused = key.patch(at(inbox, record), {"add_labels": ["spam"]})

    assert (refused.status_code, refused.json()["code"]) == (403, "missing_permission")
    assert "label_spam_read" in refused.json()["fix"]
    assert key.patch(at(inbox, record), {"remove_labels": "spam"}).status_code == 403
    assert key.patch(at(inbox, record), {"add_labels": "trash"}).json()["labels"] == ["received", "trash", "unread"]


def test_trash_moves_a_message_out_of_lists_and_back(stack: Mailbox, inbox: str, put: Put) -> None:
    record, threads = put(), f"/inboxes/{inbox}/threads"

    stack.http.patch(at(inbox, record), {"add_labels": "trash"})
    assert stack.http.get(threads).json()["threads"] == []
    assert listed(stack, inbox, "unread") == []
    assert listed(stack, inbox, "trash", include_trash="true") == [record["message_id"]]

    stack.http.patch(at(inbox, record), {"remove_labels": "trash"})
    assert [thread["thread_id"] for thread in stack.http.get(threads).json()["threads"]] == [record["thread_id"]]
    assert listed(stack, inbox, "unread") == [record["message_id"]]


def test_hiding_a_message_recomputes_its_thread(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(thread_id=str(uuid.uuid4()), subject="one", preview="p1", ts=1000)
    second = put(thread_id=first["thread_id"], preview="p2", ts=2000)

    stack.http.patch(at(inbox, second), {"add_labels": "spam"})

    thread = stack.http.get(f"/inboxes/{inbox}/threads/{first['thread_id']}").json()
    assert (thread["preview"], thread["message_count"], thread["timestamp"]) == ("p1", 1, "1970-01-01T00:00:01.000Z")
    assert "spam" not in thread["labels"]
    assert [each["timestamp"] for each in stack.http.get(f"/inboxes/{inbox}/threads").json()["threads"]] == [thread["timestamp"]]


def test_a_label_change_is_three_trips(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()
    event = {
        "httpMethod": "PATCH",
        "resource": "/inboxes/{inbox_id}/messages/{message_id}",
        "path": at(inbox, record),
        "headers": {"Authorization": f"Bearer {stack.backend.api_key}"},
        "body": '{"add_labels": "fresh"}',
    }
    stack.http.get(at(inbox, record))

    with using(stack.runtime), metered() as meter:
        answer = update_message.handler(event, LambdaContext("measured", "1"))

    assert answer["statusCode"] == 200
    assert meter.trips == 3


# --- batches ------------------------------------------------------------------------------------------------------------


def test_a_batch_changes_what_it_finds_in_the_order_asked_for(stack: Mailbox, inbox: str, put: Put) -> None:
    one, two, hidden = put(), put(), put(labels=("received", "spam"))
    key = using_key(stack, {"message_read": True, "message_update": True})
    ids = [two["message_id"], "<nobody@x.io>", hidden["message_id"], one["message_id"]]

    answer = key.post(f"/inboxes/{inbox}/messages/batch-update", {"message_ids": ids, "add_labels": "b"}).json()

    assert (answer["limit"], answer["count"]) == (4, 2)
    assert [update["message_id"] for update in answer["updates"]] == [two["message_id"], one["message_id"]]
    assert set(listed(stack, inbox, "b")) == {one["message_id"], two["message_id"]}


def test_fifty_messages_of_fifty_threads_change_at_once(sqlite_stack: Mailbox) -> None:
    stack = sqlite_stack
    inbox, o = str(stack.http.post("/inboxes").json()["inbox_id"]), organization_id(stack.http)
    ids = [seed(stack.runtime, o, inbox)["message_id"] for _ in range(50)]

    answer = stack.client.inboxes.messages.batch_update(inbox, message_ids=ids, add_labels=["x", "y"])

    assert answer.count == 50
    assert sorted(listed(stack, inbox, "y")) == sorted(ids)


@pytest.mark.parametrize("ids", [[], [f"<{n}@x>" for n in range(51)], ["<a@x>", "a@x"]])
def test_a_batch_update_has_one_to_fifty_distinct_ids(stack: Mailbox, inbox: str, ids: list[str]) -> None:
    answer = stack.http.post(f"/inboxes/{inbox}/messages/batch-update", {"message_ids": ids, "add_labels": "a"})

    assert answer.status_code == 400


# --- threads ------------------------------------------------------------------------------------------------------------


def test_a_thread_change_reaches_every_message(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(thread_id=str(uuid.uuid4()), labels=("received", "unread"))
    second = put(thread_id=first["thread_id"], labels=("received", "spam"))

    changed = stack.client.threads.update(first["thread_id"], add_labels=["trash"], remove_labels=["unread"])

    assert changed.labels == ["received", "trash"]
    assert stack.http.get(at(inbox, second)).json()["labels"] == ["received", "spam", "trash"]
    assert stack.http.get(f"/inboxes/{inbox}/threads").json()["threads"] == []
    shown = stack.http.get(f"/inboxes/{inbox}/threads", params={"include_trash": "true", "labels": '["trash"]'}).json()["threads"]
    assert [thread["thread_id"] for thread in shown] == [first["thread_id"]]


def test_a_thread_of_a_hundred_messages_does_not_change_as_a_whole(sqlite_stack: Mailbox) -> None:
    stack = sqlite_stack
    inbox, o = str(stack.http.post("/inboxes").json()["inbox_id"]), organization_id(stack.http)
    thread_id = str(uuid.uuid4())
    for _ in range(99):
        seed(stack.runtime, o, inbox, thread_id=thread_id)

    assert stack.http.patch(f"/threads/{thread_id}", {"add_labels": ["a", "b"]}).json()["labels"][-1] == "unread"
    seed(stack.runtime, o, inbox, thread_id=thread_id)
    refused = stack.http.patch(f"/threads/{thread_id}", {"add_labels": "c"})

    assert (refused.status_code, refused.json()["code"]) == (422, "unprocessable")
    assert len(listed(stack, inbox, "b")) == 99


# --- what follows -------------------------------------------------------------------------------------------------------


def test_each_change_is_one_event(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put(labels=("received", "unread"))
    stack.http.patch(at(inbox, record), {"add_labels": ["a"], "remove_labels": ["unread"]})

    def events() -> list[tuple[str, str]]:
        shown = stack.http.get(f"/inboxes/{inbox}/events").json()["events"]
        return sorted((each["event_type"], each["label"]) for each in shown)

    wanted = [("label.added", "a"), ("label.added", "received"), ("label.added", "unread"), ("label.removed", "unread")]
    assert eventually(lambda: events() if len(events()) >= 4 else None) == wanted


def test_a_batch_of_fifty_racing_fifty_single_changes_loses_nothing(sqlite_stack: Mailbox) -> None:
    stack = sqlite_stack
    inbox, o = str(stack.http.post("/inboxes").json()["inbox_id"]), organization_id(stack.http)
    threads = [str(uuid.uuid4()) for _ in range(10)]
    records = [seed(stack.runtime, o, inbox, thread_id=threads[number % 10]) for number in range(50)]
    ids = [record["message_id"] for record in records]

    def single(record: MessageRecord) -> int:
        return stack.http.patch(at(inbox, record), {"add_labels": "single", "remove_labels": "unread"}).status_code

    with ThreadPoolExecutor(12) as pool:
        batch = pool.submit(stack.http.post, f"/inboxes/{inbox}/messages/batch-update", {"message_ids": ids, "add_labels": "batch"})
        statuses = list(pool.map(single, records))

    assert statuses == [200] * 50
    assert batch.result().json()["count"] == 50
    assert sorted(listed(stack, inbox, "single")) == sorted(listed(stack, inbox, "batch")) == sorted(ids)
    assert listed(stack, inbox, "unread") == []
    shown = stack.http.get(f"/inboxes/{inbox}/threads", params={"labels": '["single", "batch"]'}).json()["threads"]
    assert sorted(thread["thread_id"] for thread in shown) == sorted(threads)
    assert {tuple(thread["labels"]) for thread in shown} == {("received", "batch", "single")}
