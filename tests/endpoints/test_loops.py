"""What stops two programs from answering each other for ever, as callers see it (docs/loops.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from agentmail import MessageRejectedError
from agentmail.core.request_options import RequestOptions

from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

FORCED = RequestOptions(additional_body_parameters={"force": True})


def post(stack: Mailbox, inbox: str, body: Any, *, parent: str, how: str = "reply", key: str | None = None) -> httpx.Response:
    path = f"/inboxes/{inbox}/messages/{quote(parent, safe='')}/{how}"
    return stack.http.post(path, body, headers={"Idempotency-Key": key} if key else {})


def arrived(stack: Mailbox, inbox: str, *, sender: str = "sender@example.com", **fields: str) -> str:
    """The id of a mail to the inbox."""
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=message_id, to=inbox, **fields), inbox, sender=sender)
    eventually(lambda: stack.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}").status_code == 200)
    return message_id


def listed(stack: Mailbox, inbox: str) -> list[dict[str, Any]]:
    return list(stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"])


@pytest.fixture
def _two_an_hour(stack: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(thread_send_limit=2))


@pytest.mark.parametrize("how", ["reply", "reply-all"])
def test_an_automatic_reply_is_read_like_any_mail_and_not_answered(stack: Mailbox, inbox: str, how: str) -> None:
    parent = arrived(stack, inbox, Auto_Submitted="auto-replied")
    before = len(stack.sent())

    answer = post(stack, inbox, {"text": "Thanks!"}, parent=parent, how=how)

    body = answer.json()
    assert (answer.status_code, body["name"], body["code"]) == (403, "LoopDetectedError", "loop_detected")
    assert "by a program" in body["message"]
    assert "force: true" in body["fix"]
    assert "retry-after" not in answer.headers
    assert len(stack.sent()) == before
    assert [message["labels"] for message in listed(stack, inbox)] == [["received", "unread"]]


def test_a_delivery_report_without_a_return_path_is_not_answered(stack: Mailbox, inbox: str) -> None:
    parent = arrived(stack, inbox, sender="", subject="Undelivered")

    answer = post(stack, inbox, {"text": "Oh."}, parent=parent)

    assert answer.json()["code"] == "loop_detected"
    assert "no return path" in answer.json()["message"]


def test_the_inbox_s_own_mail_by_way_of_a_list_is_not_answered(stack: Mailbox, inbox: str) -> None:
    sent = stack.client.inboxes.messages.send(inbox, to="list@example.com", subject="Hello", text="All?")
    stack.deliver(mail(message_id=sent.message_id, sender=inbox, to="list@example.com", subject="[list] Hello"), inbox)
    [back] = eventually(lambda: [each for each in listed(stack, inbox) if "received" in each["labels"]])

    answer = post(stack, inbox, {"text": "Yes."}, parent=back["message_id"])

    assert answer.json()["code"] == "loop_detected"
    assert "own mail" in answer.json()["message"]


@pytest.mark.parametrize("how", ["reply", "reply_all"])
def test_a_human_may_insist_through_the_sdk(stack: Mailbox, inbox: str, how: str) -> None:
    parent = arrived(stack, inbox, Precedence="bulk")
    answer = getattr(stack.client.inboxes.messages, how)
    with pytest.raises(MessageRejectedError) as refused:
        answer(inbox, parent, text="Please take me off.")

    sent = answer(inbox, parent, text="Please take me off.", request_options=FORCED)

    assert stack.client.inboxes.messages.get(inbox, sent.message_id).in_reply_to == parent
    assert refused.value.status_code == 403


def test_force_means_nothing_where_nothing_is_refused(stack: Mailbox, inbox: str) -> None:
    messages = stack.client.inboxes.messages
    parent = arrived(stack, inbox)

    messages.send(inbox, to="bob@example.com", text="x", request_options=FORCED)
    messages.forward(inbox, parent, to="bob@example.com", request_options=FORCED)
    messages.reply(inbox, parent, text="x", request_options=FORCED)

    assert len(listed(stack, inbox)) == 4


@pytest.mark.parametrize("how", ["send", "reply", "reply-all", "forward"])
def test_force_is_a_boolean(stack: Mailbox, inbox: str, how: str) -> None:
    path = f"/inboxes/{inbox}/messages/" + ("send" if how == "send" else f"{quote(arrived(stack, inbox), safe='')}/{how}")

    answer = stack.http.post(path, {"force": "yes"})

    assert [error["path"] for error in answer.json()["errors"]] == [["force"]]


def test_an_automatic_mail_can_be_forwarded_to_somebody(stack: Mailbox, inbox: str) -> None:
    parent = arrived(stack, inbox, Auto_Submitted="auto-replied")

    assert post(stack, inbox, {"to": "boss@example.com"}, parent=parent, how="forward").status_code == 200


def test_the_key_of_a_refused_reply_is_free(stack: Mailbox, inbox: str) -> None:
    parent, key = arrived(stack, inbox, Precedence="bulk"), uuid.uuid4().hex

    refused = post(stack, inbox, {"text": "x"}, parent=parent, key=key)
    forced = post(stack, inbox, {"text": "x", "force": True}, parent=parent, key=key)

    assert (refused.status_code, forced.status_code) == (403, 200)


@pytest.mark.usefixtures("_two_an_hour")
@pytest.mark.parametrize("how", ["reply", "reply-all", "forward"])
def test_a_thread_takes_only_so_many_messages_of_its_inbox(stack: Mailbox, inbox: str, how: str) -> None:
    parent = arrived(stack, inbox)
    body = {"to": "boss@example.com", "force": True} if how == "forward" else {"text": "x", "force": True}

    answers = [post(stack, inbox, body, parent=parent, how=how) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert answers[2].json()["code"] == "loop_detected"
    assert "2 messages an hour" in answers[2].json()["message"]
    assert "free again at" in answers[2].json()["fix"]


@pytest.mark.usefixtures("_two_an_hour")
def test_a_full_thread_closes_no_other(stack: Mailbox, inbox: str, new_inbox: Callable[[], str]) -> None:
    full, other, second = arrived(stack, inbox), arrived(stack, inbox), new_inbox()
    for _ in range(2):
        post(stack, inbox, {"text": "x"}, parent=full)

    assert post(stack, inbox, {"text": "x"}, parent=full).status_code == 403
    assert post(stack, inbox, {"text": "x"}, parent=other).status_code == 200
    assert post(stack, second, {"text": "x"}, parent=arrived(stack, second)).status_code == 200
    assert stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "bob@example.com"}).status_code == 200


@pytest.mark.usefixtures("_two_an_hour")
def test_what_was_sent_counts_also_where_it_was_deleted(stack: Mailbox, inbox: str) -> None:
    parent = arrived(stack, inbox)
    for _ in range(2):
        sent = post(stack, inbox, {"text": "x"}, parent=parent).json()
        stack.http.delete(f"/inboxes/{inbox}/messages/{quote(sent['message_id'], safe='')}")

    assert post(stack, inbox, {"text": "x"}, parent=parent).status_code == 403
