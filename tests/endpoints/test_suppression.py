"""Who bounced or complained gets no more mail, on every sending route (spec: lists.md, "Suppression"; messages.md, "Order")."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
import pytest
from agentmail import MessageRejectedError

from mailroom.events import types
from mailroom.lists.suppression import Reason, key, suppressing
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox


def post(
    stack: Mailbox, inbox: str, body: Any, *, parent: str | None = None, how: str = "send", key: str | None = None
) -> httpx.Response:
    path = f"/inboxes/{inbox}/messages/" + (f"{quote(parent, safe='')}/{how}" if parent else how)
    return stack.http.post(path, body, headers={"Idempotency-Key": key} if key else {})


def labels(stack: Mailbox, inbox: str, message_id: str) -> list[str]:
    return list(stack.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}").json()["labels"])


class Refusing:
    """Addresses that have bounced (or complained), each handed out once, and made several at a time: a notice takes its time."""

    AT_A_TIME: ClassVar = {"bounce": 12, "complaint": 2, "suppressionlist": 1}

    def __init__(self, stack: Mailbox, inbox: str) -> None:
        self._stack = stack
        self._inbox = inbox
        self._ready: dict[str, list[str]] = {}

    def __call__(self, scenario: str = "bounce") -> str:
        if not self._ready.get(scenario):
            self._ready[scenario] = written_in_vain(self._stack, self._inbox, *[scenario] * self.AT_A_TIME[scenario])
        return self._ready[scenario].pop()


@pytest.fixture(scope="module")
def refusing(stack: Mailbox) -> Refusing:
    return Refusing(stack, stack.http.post("/inboxes", {}).json()["inbox_id"])


def written_in_vain(stack: Mailbox, inbox: str, *scenarios: str) -> list[str]:
    """A new address for each scenario, of which everybody knows by now that it takes no mail."""
    addresses = [f"{scenario}+{uuid.uuid4().hex[:8]}@simulator.amazonses.com" for scenario in scenarios]
    sent = [post(stack, inbox, {"to": f"Bob <{address}>", "text": "x"}).json()["message_id"] for address in addresses]
    for message_id in sent:
        eventually(lambda message_id=message_id: {"bounced", "complained"} & set(labels(stack, inbox, message_id)))
    return addresses


def from_suppressed(stack: Mailbox, inbox: str, address: str) -> str:
    """The id of a mail that a suppressed address has written."""
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=message_id, sender=f"Bob <{address}>", to=inbox), inbox)
    eventually(lambda: stack.http.get(f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}").status_code == 200)
    return message_id


@pytest.mark.parametrize(("scenario", "reason"), [("bounce", "bounce"), ("complaint", "complaint"), ("suppressionlist", "bounce")])
def test_a_suppressed_recipient_refuses_the_whole_send(
    stack: Mailbox, inbox: str, refusing: Refusing, scenario: str, reason: str
) -> None:
    address = refusing(scenario)
    before = len(stack.sent())

    answer = post(stack, inbox, {"to": "ok@example.com", "cc": [f"Bob <{address.upper()}>"], "text": "x"})

    body = answer.json()
    named = address.upper().rpartition("@")[0] + "@simulator.amazonses.com"
    assert (answer.status_code, body["name"], body["code"]) == (403, "MessageRejectedError", "message_rejected")
    assert body["message"] == f"Recipients refused: {named} (blocked)"
    assert address in body["fix"]
    assert reason in body["fix"]
    assert len(stack.sent()) == before


def test_every_refused_address_is_named(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    first, second = refusing(), refusing("complaint")

    answer = post(stack, inbox, {"to": [first], "bcc": [second, "ok@example.com"]})

    assert answer.json()["message"] == f"Recipients refused: {first} (blocked), {second} (blocked)"


@pytest.mark.parametrize("how", ["reply", "reply-all", "forward"])
def test_replies_and_forwards_are_refused_too(stack: Mailbox, inbox: str, refusing: Refusing, how: str) -> None:
    address = refusing()
    parent = from_suppressed(stack, inbox, address)
    body = {"to": address} if how == "forward" else {"text": "x"}

    answer = post(stack, inbox, body, parent=parent, how=how)

    assert (answer.status_code, answer.json()["code"]) == (403, "message_rejected")


def test_a_reply_to_somebody_else_goes_out(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    parent = from_suppressed(stack, inbox, refusing())

    answer = post(stack, inbox, {"to": "ok@example.com", "text": "x"}, parent=parent, how="reply")

    assert answer.status_code == 200


def test_the_whole_organization_leaves_the_address_alone(
    stack: Mailbox, inbox: str, refusing: Refusing, new_inbox: Callable[[], str]
) -> None:
    address = refusing()

    answer = post(stack, new_inbox(), {"to": address})

    assert answer.status_code == 403


def test_another_label_is_another_address(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    address = refusing()

    answer = post(stack, inbox, {"to": address.replace("@", "x@")})

    assert answer.status_code == 200


def test_a_refused_send_leaves_its_key_free(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    address, key = refusing(), uuid.uuid4().hex

    first = post(stack, inbox, {"to": address}, key=key)
    second = post(stack, inbox, {"to": "ok@example.com"}, key=key)

    assert (first.status_code, second.status_code) == (403, 200)


def test_the_sdk_knows_the_refusal(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    address = refusing()

    with pytest.raises(MessageRejectedError) as refused:
        stack.client.inboxes.messages.send(inbox, to=[address], text="x")

    assert refused.value.body.message.endswith("(blocked)")


def test_a_paused_inbox_and_missing_recipients_are_told_first(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    address = refusing()
    nobody = post(stack, inbox, {})
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    paused = post(stack, inbox, {"to": address})

    assert nobody.status_code == 422
    assert paused.json()["code"] == "inbox_paused"


def test_a_suppressed_recipient_is_told_before_an_attachment_is_fetched(stack: Mailbox, inbox: str, refusing: Refusing) -> None:
    address = refusing()

    answer = post(stack, inbox, {"to": address, "attachments": [{"url": "http://127.0.0.1:1/none"}]})

    assert "(blocked)" in answer.json()["message"]


def test_bounces_and_complaints_are_events(stack: Mailbox, inbox: str) -> None:
    bounced, complaining = written_in_vain(stack, inbox, "bounce", "complaint")
    o = stack.http.get("/auth/me").json()["organization_id"]

    def payloads(event_type: str) -> list[Any]:
        return [row["payload"] for row in stack.runtime.items.query(Query("ev", keys.events(o, inbox, event_type), 10))]

    assert payloads(types.BOUNCED) == [
        {"type": "Permanent", "sub_type": "General", "recipients": [{"address": bounced, "status": "5.1.1"}]}
    ]
    assert payloads(types.COMPLAINED) == [{"type": "abuse", "sub_type": "spam", "recipients": [complaining]}]


@pytest.mark.parametrize(("reason", "stays"), [("bounce", False), ("complaint", True)])
def test_an_address_that_bounced_can_be_written_to_when_it_gets_an_inbox(
    stack: Mailbox, inbox: str, reason: Reason, stays: bool
) -> None:
    name = f"late-{uuid.uuid4().hex[:8]}"
    address = f"{name}@{inbox.partition('@')[2]}"
    o = stack.http.get("/organizations").json()["organization_id"]
    stack.runtime.items.transact(suppressing(o, {key(o, address): address}, reason, {}, now=1))

    stack.http.post("/inboxes", {"username": name})

    assert (stack.runtime.items.get(key(o, address)) is not None) is stays
