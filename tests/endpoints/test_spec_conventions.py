"""What holds for all endpoints (spec: README.md, "Conventions" and "What the SDKs send")."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.identity import organization_id
from tests.support.seed import seed
from tests.support.stacks import Mailbox


@pytest.fixture
def inbox(sqlite_stack: Mailbox) -> str:
    return str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])


def test_unknown_fields_and_parameters_are_ignored(sqlite_stack: Mailbox) -> None:
    assert sqlite_stack.http.post("/inboxes", {"colour": "red", "nested": {"a": [1]}}).status_code == 200
    assert sqlite_stack.http.get("/inboxes", params={"labels": '["a"]', "before": "whenever", "pod_id": "p"}).status_code == 200
    assert sqlite_stack.http.get("/threads", params={"pod_id": "p"}).status_code == 200


@pytest.mark.parametrize(
    ("path", "body"), [("", {"status": None}), ("", {"status": "PAUSED"}), ("/messages/x", {"add_labels": None})]
)
def test_nulls_and_unknown_values_are_refused_in_updates(sqlite_stack: Mailbox, inbox: str, path: str, body: Any) -> None:
    assert sqlite_stack.http.patch(f"/inboxes/{inbox}{path}", body).status_code == 400


@pytest.mark.parametrize(
    "query",
    [
        "labels=%5B%22a%22%2C+%22b+c%22%5D",
        "labels=a&labels=b+c",
        "labels[]=a&labels[]=b%20c",
        "labels=A&labels[]=B+C",
    ],
)
def test_lists_are_read_in_every_spelling(sqlite_stack: Mailbox, inbox: str, query: str) -> None:
    wanted = seed(sqlite_stack.runtime, organization_id(sqlite_stack.http), inbox, labels=("received", "a", "b c"))
    seed(sqlite_stack.runtime, organization_id(sqlite_stack.http), inbox, labels=("received", "a"))

    for what in ("messages", "threads"):
        found = sqlite_stack.http.get(f"/inboxes/{inbox}/{what}?{query}").json()[what]
        assert [each["thread_id"] for each in found] == [wanted["thread_id"]]


@pytest.mark.parametrize(("path", "most"), [("/threads", 500), ("/inboxes/{}/threads", 500), ("/inboxes/{}/messages", 500)])
def test_whole_lists_may_hold_five_hundred(sqlite_stack: Mailbox, inbox: str, path: str, most: int) -> None:
    path = path.format(inbox)

    assert sqlite_stack.http.get(path, params={"limit": most}).json()["limit"] == most
    assert sqlite_stack.http.get(path).json()["limit"] == 50
    for limit in (0, most + 1):
        assert sqlite_stack.http.get(path, params={"limit": limit}).status_code == 400


@pytest.mark.parametrize("path", ["/inboxes", "/api-keys", "/inboxes/{}/events", "/inboxes/{}/api-keys"])
def test_other_lists_hold_a_hundred(sqlite_stack: Mailbox, inbox: str, path: str) -> None:
    assert sqlite_stack.http.get(path.format(inbox), params={"limit": 100}).status_code == 200
    assert sqlite_stack.http.get(path.format(inbox), params={"limit": 101}).status_code == 400


def test_what_is_absent_is_omitted(sqlite_stack: Mailbox, inbox: str) -> None:
    record = seed(sqlite_stack.runtime, organization_id(sqlite_stack.http), inbox, labels=(), to=[])

    [item] = sqlite_stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"]
    [thread] = sqlite_stack.http.get(f"/inboxes/{inbox}/threads").json()["threads"]

    required = {"inbox_id", "thread_id", "labels", "timestamp", "size", "updated_at", "created_at"}
    assert item.keys() == required | {"message_id", "from", "to"}
    assert (item["labels"], item["to"]) == ([], [])
    assert thread.keys() == required | {"senders", "recipients", "last_message_id", "message_count"}
    assert thread["last_message_id"] == record["message_id"]
