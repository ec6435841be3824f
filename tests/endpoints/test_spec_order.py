"""Of several reasons to refuse a request the first one is told (spec: errors.md, "Order of evaluation")."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import httpx
import pytest

from mailroom.config import Config
from tests.endpoints.conftest import UNLIMITED
from tests.support.identity import using_key
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, SqliteStack

LARGE = b'{"username": "' + b"a" * UNLIMITED.max_body_bytes + b'"}'


@pytest.fixture(scope="module")
def limited() -> Iterator[Mailbox]:
    """An organization that may make one request a second."""
    with SqliteStack(Config(rate_per_second=1, rate_burst=1)) as running, contextlib.closing(Mailbox(running)) as mailbox:
        yield mailbox


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_route_comes_before_everything(sqlite_stack: Mailbox) -> None:
    nobody = sqlite_stack.strict(None)

    assert told(nobody.post("/nothing", content=LARGE)) == (404, "not_found")
    assert told(nobody.request("PUT", "/inboxes", content=LARGE)) == (405, "method_not_allowed")


def test_the_size_comes_before_the_credential(sqlite_stack: Mailbox) -> None:
    assert told(sqlite_stack.strict(None).post("/inboxes", content=LARGE)) == (413, "payload_too_large")


def test_the_credential_comes_before_the_rate_limit(limited: Mailbox) -> None:
    eventually(lambda: limited.http.get("/auth/me").status_code == 429)

    assert told(limited.strict("am_unknown").get("/auth/me")) == (401, "unknown_api_key")


@pytest.mark.parametrize(
    "refused",
    [
        lambda http: http.get("/inboxes/nobody@mailroom.local"),
        lambda http: http.get("/inboxes", params={"limit": "0"}),
        lambda http: http.post("/inboxes", {"username": 1}),
    ],
)
def test_the_rate_limit_comes_before_what_is_asked(limited: Mailbox, refused: Callable[..., httpx.Response]) -> None:
    answer = eventually(lambda: found if (found := refused(limited.http)).status_code == 429 else None)

    assert (answer.json()["code"], answer.headers["retry-after"]) == ("rate_limit_exceeded", "1")


def test_the_scope_comes_before_the_permission(sqlite_stack: Mailbox) -> None:
    here, there = (sqlite_stack.http.post("/inboxes").json()["inbox_id"] for _ in range(2))
    key = using_key(sqlite_stack, {"inbox_read": True}, inbox_id=here)

    assert told(key.get(f"/inboxes/{there}/messages")) == (404, "not_found")
    assert told(key.get(f"/inboxes/{here}/messages")) == (403, "missing_permission")


def test_the_permission_comes_before_the_syntax(sqlite_stack: Mailbox) -> None:
    key = using_key(sqlite_stack, {"api_key_read": True})

    assert told(key.get("/inboxes", params={"limit": "0"})) == (403, "missing_permission")
    assert told(key.post("/inboxes", content=b"{")) == (403, "missing_permission")


def test_the_syntax_comes_before_existence(sqlite_stack: Mailbox) -> None:
    unknown = "/inboxes/nobody@mailroom.local"

    answers = [
        sqlite_stack.http.get(f"{unknown}/messages", params={"limit": "0"}),
        sqlite_stack.http.patch(unknown, {"status": "asleep"}),
        sqlite_stack.http.patch(f"{unknown}/messages/x@example.com", {}),
        sqlite_stack.http.patch("/threads/unknown", {"add_labels": ["sent"]}),
        sqlite_stack.http.post(f"{unknown}/messages/batch-get", {"message_ids": []}),
    ]

    assert [answer.status_code for answer in answers] == [400] * len(answers)


def test_existence_comes_before_state(sqlite_stack: Mailbox) -> None:
    inbox = sqlite_stack.http.post("/inboxes", {"status": "paused"}).json()["inbox_id"]

    assert told(sqlite_stack.http.post(f"/inboxes/{inbox}/messages/unknown@example.com/reply", {})) == (404, "not_found")
