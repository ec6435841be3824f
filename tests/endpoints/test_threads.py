"""Threads at inbox and organization scope (spec: threads.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from functions.threads import get_thread, list_threads
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from tests.support.identity import new_pod, organization_id, other_organization, trips, using_key, using_pod_key, without_request_id
from tests.support.polling import eventually
from tests.support.seed import seed
from tests.support.stacks import Mailbox

Put = Callable[..., MessageRecord]
FILE = "0197a000-0000-7000-8000-000000000002"


@pytest.fixture
def put(stack: Mailbox, inbox: str) -> Put:
    o = organization_id(stack.http)
    return lambda **fields: seed(stack.runtime, o, fields.pop("inbox_id", inbox), **fields)


def ids(page: dict[str, Any]) -> list[str]:
    return [thread["thread_id"] for thread in page["threads"]]


def test_a_thread_shows_its_messages_with_bodies_oldest_first(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(thread_id=str(uuid.uuid4()), ts=1000, subject="Hi", bodies={"text": "one"})
    second = put(thread_id=first["thread_id"], ts=2000, labels=("sent",), bodies={"text": "two"}, files={FILE: b"x"})

    shown = stack.http.get(f"/inboxes/{inbox}/threads/{first['thread_id']}").json()

    assert [message["text"] for message in shown["messages"]] == ["one", "two"]
    assert (shown["count"], shown["message_count"], shown["subject"], shown["size"]) == (2, 2, "Hi", 2000)
    assert shown["last_message_id"] == second["message_id"]
    assert shown["received_timestamp"] < shown["sent_timestamp"] == shown["timestamp"]
    assert shown["attachments"] == [{"attachment_id": FILE, "size": 1, "inline": False}]
    assert "next_page_token" not in shown


@pytest.mark.parametrize("scope", ["/inboxes/{inbox}", ""])
def test_pages_of_a_thread_go_from_newest_to_oldest(stack: Mailbox, inbox: str, put: Put, scope: str) -> None:
    thread_id = str(uuid.uuid4())
    stored = [put(thread_id=thread_id, ts=1000 + number)["message_id"] for number in range(5)]
    path = f"{scope.format(inbox=inbox)}/threads/{thread_id}"

    newest = stack.http.get(path, params={"limit": 2}).json()
    older = stack.http.get(path, params={"limit": 2, "page_token": newest["next_page_token"]}).json()
    oldest = stack.http.get(path, params={"limit": 2, "page_token": older["next_page_token"]}).json()

    pages = [[message["message_id"] for message in page["messages"]] for page in (oldest, older, newest)]
    assert pages == [stored[:1], stored[1:3], stored[3:]]
    assert "next_page_token" not in oldest
    assert stack.http.get(path, params={"limit": 101}).status_code == 400


def test_the_sdk_reads_threads_at_both_scopes(stack: Mailbox, inbox: str, put: Put) -> None:
    thread_id = put(subject="both")["thread_id"]

    assert stack.client.threads.get(thread_id) == stack.client.inboxes.threads.get(inbox, thread_id)
    assert thread_id in [thread.thread_id for thread in stack.client.threads.list(limit=100).threads]
    assert [thread.thread_id for thread in stack.client.inboxes.threads.list(inbox).threads] == [thread_id]


def test_messages_the_key_may_not_read_are_left_out(stack: Mailbox, inbox: str, put: Put) -> None:
    seen = put(thread_id=str(uuid.uuid4()), ts=1)
    put(thread_id=seen["thread_id"], labels=("received", "spam"), ts=2)
    hidden = put(labels=("received", "trash"))
    key = using_key(stack, {"message_read": True})

    shown = key.get(f"/threads/{seen['thread_id']}").json()

    assert [message["message_id"] for message in shown["messages"]] == [seen["message_id"]]
    assert len(stack.http.get(f"/threads/{seen['thread_id']}").json()["messages"]) == 2
    assert key.get(f"/threads/{hidden['thread_id']}").status_code == 404
    assert stack.http.get(f"/threads/{hidden['thread_id']}").status_code == 200


def test_a_thread_of_differently_hidden_messages_shows_a_key_only_what_it_may_read(stack: Mailbox, inbox: str, put: Put) -> None:
    seen = put(thread_id=str(uuid.uuid4()), labels=("received", "spam"), ts=1, preview="open")
    put(thread_id=seen["thread_id"], labels=("received", "trash"), ts=2, preview="secret")
    key = using_key(stack, {"message_read": True, "label_spam_read": True})

    shown = key.get(f"/inboxes/{inbox}/threads/{seen['thread_id']}").json()

    assert (shown["preview"], shown["message_count"]) == ("open", 1)
    assert key.get(f"/inboxes/{inbox}/threads").json()["threads"] == []


def test_narrow_keys_see_the_threads_of_their_scope(stack: Mailbox, inbox: str, put: Put, new_inbox: Callable[[], str]) -> None:
    other = new_inbox()
    mine, theirs = put()["thread_id"], put(inbox_id=other)["thread_id"]
    pod_key = using_pod_key(stack, new_pod(stack))
    inbox_key = using_key(stack, inbox_id=inbox)

    assert ids(inbox_key.get("/threads").json()) == [mine]
    assert pod_key.get("/threads").json()["threads"] == []
    answers = [
        inbox_key.get(f"/threads/{theirs}"),
        pod_key.get(f"/threads/{mine}"),
        other_organization(stack).get(f"/threads/{mine}"),
    ]
    answers.append(stack.http.get(f"/inboxes/{other}/threads/{mine}"))
    assert {without_request_id(answer)[:2] for answer in answers} == {(404, answers[0].content)}


def test_the_default_pod_lists_its_threads(stack: Mailbox, inbox: str, put: Put) -> None:
    thread_id = put()["thread_id"]
    pod_id = stack.http.get(f"/inboxes/{inbox}").json()["pod_id"]

    assert thread_id in ids(using_pod_key(stack, pod_id).get("/threads", params={"limit": 500}).json())


def test_threads_filter_by_labels_people_and_subject(stack: Mailbox, inbox: str, put: Put) -> None:
    wanted = put(labels=("received", "vip"), subject="Offer 7", cc=["Zoe <z@x.io>"], **{"from": "Amy <amy@x.io>"})["thread_id"]
    put(subject="Other")
    path = f"/inboxes/{inbox}/threads"

    for params in ({"labels": '["VIP"]'}, {"senders": '["AMY"]'}, {"recipients": '["zoe"]'}, {"subject": '["offer", "7"]'}):
        assert ids(stack.http.get(path, params=params).json()) == [wanted]
    assert stack.http.get(path, params={"senders": '["a"]', "limit": 101}).status_code == 400


def test_a_new_message_moves_its_thread_to_the_top(stack: Mailbox, inbox: str, put: Put) -> None:
    old, new = put(ts=1000, thread_id=str(uuid.uuid4()))["thread_id"], put(ts=2000)["thread_id"]
    put(ts=3000, thread_id=old)

    assert ids(stack.http.get(f"/inboxes/{inbox}/threads").json()) == [old, new]
    assert ids(stack.http.get(f"/inboxes/{inbox}/threads", params={"ascending": "true"}).json()) == [new, old]
    assert ids(stack.http.get(f"/inboxes/{inbox}/threads", params={"before": "1970-01-01T00:00:03Z"}).json()) == [new]


def test_reading_threads_costs_two_trips(stack: Mailbox, inbox: str, put: Put) -> None:
    thread_id = put(bodies={"text": "x"})["thread_id"]
    put(thread_id=thread_id, bodies={"text": "y"})

    assert trips(stack, get_thread, "/inboxes/{inbox_id}/threads/{thread_id}", inbox_id=inbox, thread_id=thread_id) == 2
    assert trips(stack, list_threads, "/inboxes/{inbox_id}/threads", inbox_id=inbox) == 2
    assert trips(stack, list_threads, "/threads") == 2
    assert trips(stack, get_thread, "/threads/{thread_id}", thread_id=thread_id) == 3


def test_an_attachment_of_any_visible_message_is_found(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(thread_id=str(uuid.uuid4()), files={FILE: b"x"})
    put(thread_id=first["thread_id"])
    hidden = put(labels=("received", "spam"), thread_id=first["thread_id"], files={FILE[:-1] + "3": b"y"})
    key = using_key(stack, {"message_read": True})

    assert stack.client.threads.get_attachment(first["thread_id"], FILE).size == 1
    assert stack.http.get(f"/inboxes/{inbox}/threads/{hidden['thread_id']}/attachments/{FILE[:-1]}3").status_code == 200
    assert key.get(f"/threads/{hidden['thread_id']}/attachments/{FILE[:-1]}3").status_code == 404


def test_a_deleted_thread_takes_its_messages_along(stack: Mailbox, inbox: str, put: Put) -> None:
    first = put(thread_id=str(uuid.uuid4()), bodies={"text": "x"})
    put(thread_id=first["thread_id"], labels=("received", "trash"))

    stack.client.threads.delete(first["thread_id"])

    assert stack.http.delete(f"/threads/{first['thread_id']}").status_code == 404
    assert stack.http.get(f"/inboxes/{inbox}/messages", params={"include_trash": "true"}).json()["messages"] == []
    assert stack.http.get(f"/inboxes/{inbox}/threads", params={"include_trash": "true"}).json()["threads"] == []


def test_permanent_false_goes_by_the_trash(stack: Mailbox, inbox: str, put: Put) -> None:
    record = put()
    path = f"/inboxes/{inbox}/threads/{record['thread_id']}"

    assert stack.http.delete(path, params={"permanent": "false"}).status_code == 204
    assert stack.http.get(path).json()["labels"] == ["received", "trash", "unread"]
    assert stack.http.delete(path, params={"permanent": "false"}).status_code == 204
    assert stack.http.get(path).status_code == 404


def test_a_large_thread_is_gone_at_once_and_emptied_by_the_feed(sqlite_stack: Mailbox) -> None:
    stack = sqlite_stack
    inbox, o = str(stack.http.post("/inboxes").json()["inbox_id"]), organization_id(stack.http)
    thread_id = str(uuid.uuid4())
    records = [seed(stack.runtime, o, inbox, thread_id=thread_id, bodies={"text": "x"}) for _ in range(120)]

    assert stack.http.delete(f"/threads/{thread_id}").status_code == 204

    assert stack.http.get(f"/threads/{thread_id}").status_code == 404
    assert stack.http.delete(f"/inboxes/{inbox}/threads/{thread_id}").status_code == 404
    assert stack.http.get(f"/inboxes/{inbox}/threads").json()["threads"] == []
    rows = [keys.message(o, inbox, record["message_id"]) for record in records]
    rows += [keys.thread(o, inbox, thread_id), keys.thread_pointer(o, thread_id), *(keys.body(row) for row in rows)]
    eventually(lambda: not stack.runtime.items.batch_get(rows))
    assert stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"] == []
