"""A draft that is not sent stays as it is; a key sends it once (spec: drafts.md, "Send"; messages.md, "Idempotency-Key")."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from agentmail import MessageRejectedError

from mailroom.lists.suppression import key, suppressing
from mailroom.store import keys
from mailroom.store.port import Set
from tests.support.drafts import ahead, at, due_rows, made, paths, refusal, shown, taken
from tests.support.identity import organization_id
from tests.support.stacks import Mailbox

KINDS: dict[str, dict[str, Any]] = {"plain": {}, "scheduled": {"send_at": ahead(days=1), "labels": ["a"]}}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> dict[str, Any]:
    return KINDS[request.param]


def send(stack: Mailbox, inbox: str, draft: Any, body: Any = None, *, key: str | None = None) -> httpx.Response:
    return stack.http.post(at(inbox, draft, "/send"), body, headers={} if key is None else {"Idempotency-Key": key})


def assert_untouched(stack: Mailbox, inbox: str, draft: dict[str, Any]) -> None:
    assert shown(stack, inbox, draft) == draft
    assert due_rows(stack, draft["draft_id"]) == int("send_at" in draft)
    assert taken(stack.http.get(f"/inboxes/{inbox}/messages"))["count"] == 0


def suppressed(stack: Mailbox) -> str:
    address, o = f"{uuid.uuid4().hex}@example.com", organization_id(stack.http)
    stack.runtime.items.transact(suppressing(o, {key(o, address): address}, "bounce", {}, now=stack.runtime.clock()))
    return address


def test_without_recipients_it_cannot_be_sent(stack: Mailbox, inbox: str, kind: dict[str, Any]) -> None:
    draft = made(stack, inbox, text="x", **kind)

    assert refusal(send(stack, inbox, draft)) == (422, "unprocessable")
    assert_untouched(stack, inbox, draft)


def test_a_paused_inbox_sends_no_drafts(stack: Mailbox, inbox: str, kind: dict[str, Any]) -> None:
    draft = made(stack, inbox, to="b@example.com", **kind)
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    assert refusal(send(stack, inbox, draft)) == (403, "inbox_paused")
    assert_untouched(stack, inbox, draft)


def test_a_suppressed_recipient_refuses_the_whole_draft(stack: Mailbox, inbox: str, kind: dict[str, Any]) -> None:
    draft = made(stack, inbox, to="b@example.com", bcc=suppressed(stack), **kind)
    before = len(stack.sent())

    assert refusal(send(stack, inbox, draft)) == (403, "message_rejected")
    with pytest.raises(MessageRejectedError):
        stack.client.inboxes.drafts.send(inbox, draft["draft_id"])
    assert len(stack.sent()) == before
    assert_untouched(stack, inbox, draft)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"add_labels": ["sent"]}, ["add_labels", 0]),
        ({"add_labels": "scheduled"}, ["add_labels"]),
        ({"add_labels": ["trash"]}, ["add_labels", 0]),
        ({"add_labels": 1}, ["add_labels"]),
        ({"remove_labels": ["sent"]}, ["remove_labels", 0]),
        ({"remove_labels": [""]}, ["remove_labels", 0]),
        ({"add_labels": [f"l{number}" for number in range(100)]}, ["add_labels"]),
    ],
)
def test_a_malformed_label_is_named(stack: Mailbox, inbox: str, body: dict[str, Any], path: list[str | int]) -> None:
    draft = made(stack, inbox, to="b@example.com")

    assert paths(send(stack, inbox, draft, body)) == [path]
    assert_untouched(stack, inbox, draft)


def test_of_several_refusals_the_first_one_is_told(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, cc=suppressed(stack))
    empty = made(stack, inbox)

    assert refusal(send(stack, "nobody@mailroom.local", draft, {"add_labels": 1}, key="not a key")) == (404, "not_found")
    assert paths(send(stack, inbox, draft, {"add_labels": 1}, key="not a key")) == [["Idempotency-Key"]]
    assert paths(send(stack, inbox, "unknown", {"add_labels": 1})) == [["add_labels"]]
    assert refusal(send(stack, inbox, draft)) == (403, "message_rejected")
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})
    assert refusal(send(stack, inbox, "unknown")) == (404, "not_found")
    assert refusal(send(stack, inbox, draft)) == refusal(send(stack, inbox, empty)) == (403, "inbox_paused")


def test_it_is_sent_only_from_its_own_inbox(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    draft = made(stack, inbox, to="b@example.com")

    assert refusal(send(stack, new_inbox(), draft)) == (404, "not_found")
    assert_untouched(stack, inbox, draft)


def test_nobody_touches_a_draft_that_is_being_sent(stack: Mailbox, inbox: str, kind: dict[str, Any]) -> None:
    draft = made(stack, inbox, to="b@example.com", **kind)
    row = keys.draft(organization_id(stack.http), inbox, draft["draft_id"])
    stack.runtime.items.update(row, (Set("send_status", "sending"),))

    answers = [
        send(stack, inbox, draft),
        stack.http.patch(at(inbox, draft), {"subject": "x"}),
        stack.http.patch(at(inbox, draft), {"send_at": None}),
        stack.http.delete(at(inbox, draft)),
    ]

    assert [refusal(answer) for answer in answers] == [(409, "conflict")] * len(answers)
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}
    assert_untouched(stack, inbox, {**draft, "send_status": "sending"})


# --- Idempotency-Key ----------------------------------------------------------------------------------------------------


def test_a_key_sends_a_draft_once_and_remembers_the_answer(stack: Mailbox, inbox: str) -> None:
    draft, key = made(stack, inbox, to="b@example.com"), uuid.uuid4().hex

    answers = [send(stack, inbox, draft, {"add_labels": ["a"]}, key=key) for _ in range(3)]

    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert taken(stack.http.get(f"/inboxes/{inbox}/messages"))["count"] == 1
    assert stack.http.get(at(inbox, draft)).status_code == 404
    assert refusal(send(stack, inbox, draft, {"add_labels": ["a"]})) == (404, "not_found")


def test_the_answer_is_remembered_while_the_inbox_is_paused(stack: Mailbox, inbox: str) -> None:
    draft, key = made(stack, inbox, to="b@example.com"), uuid.uuid4().hex
    first = send(stack, inbox, draft, key=key)
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    assert taken(send(stack, inbox, draft, {}, key=key)) == taken(first)


def test_a_key_means_one_draft_and_one_request(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    draft, other = (made(stack, inbox, to="b@example.com") for _ in range(2))
    there, key = new_inbox(), uuid.uuid4().hex
    taken(send(stack, inbox, draft, key=key))

    answers = [
        send(stack, inbox, draft, {"add_labels": ["a"]}, key=key),
        send(stack, inbox, other, key=key),
        send(stack, there, draft, key=key),
        stack.http.post(f"/inboxes/{inbox}/messages/send", {}, headers={"Idempotency-Key": key}),
    ]

    assert [refusal(answer) for answer in answers] == [(409, "conflict")] * 4
    assert "to" in shown(stack, inbox, other)


def test_a_refused_send_leaves_its_key_free(stack: Mailbox, inbox: str) -> None:
    draft, key = made(stack, inbox), uuid.uuid4().hex
    assert refusal(send(stack, inbox, draft, key=key)) == (422, "unprocessable")
    stack.http.patch(at(inbox, draft), {"to": "b@example.com"})

    assert send(stack, inbox, draft, key=key).status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "x" * 257])
def test_a_malformed_key_is_refused(stack: Mailbox, inbox: str, key: str) -> None:
    draft = made(stack, inbox, to="b@example.com")

    assert paths(send(stack, inbox, draft, key=key)) == [["Idempotency-Key"]]
    assert_untouched(stack, inbox, draft)
