"""Rules of sending that clients meet now and then (spec: messages.md, "Sending")."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

NOWHERE = {"to": "b@example.com", "attachments": [{"url": "http://127.0.0.1:9/nothing"}]}


@pytest.fixture
def inbox(sqlite_stack: Mailbox) -> str:
    return str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])


def at(inbox: str, message_id: str, how: str = "") -> str:
    return f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}{how}"


def received(stack: Mailbox, inbox: str, **fields: Any) -> str:
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=message_id, **{"to": inbox, **fields}), inbox)
    eventually(lambda: stack.http.get(at(inbox, message_id)).status_code == 200)
    return message_id


def sent(stack: Mailbox, inbox: str, body: dict[str, Any], parent: str | None = None, how: str = "reply") -> dict[str, Any]:
    answer = stack.http.post(at(inbox, parent, f"/{how}") if parent else f"/inboxes/{inbox}/messages/send", body)
    assert answer.status_code == 200, answer.text
    return dict(stack.http.get(at(inbox, answer.json()["message_id"])).json())


def test_the_subject_of_a_reply_is_the_parents(sqlite_stack: Mailbox, inbox: str) -> None:
    parent = received(sqlite_stack, inbox, subject="RE: plan")

    assert sent(sqlite_stack, inbox, {"subject": "Other", "text": "x"}, parent)["subject"] == "RE: plan"


@pytest.mark.parametrize(("subject", "forwarded"), [("FW: plan", "FW: plan"), ("fwd: plan", "fwd: plan"), ("plan", "Fwd: plan")])
def test_a_forward_is_marked_once(sqlite_stack: Mailbox, inbox: str, subject: str, forwarded: str) -> None:
    parent = received(sqlite_stack, inbox, subject=subject)

    assert sent(sqlite_stack, inbox, {"to": "x@example.com"}, parent, "forward")["subject"] == forwarded


def test_of_long_references_the_first_and_the_last_fifty_stay(sqlite_stack: Mailbox, inbox: str) -> None:
    parent = received(sqlite_stack, inbox, references=[f"<r{number}@example.com>" for number in range(99)])

    references = sent(sqlite_stack, inbox, {"text": "x"}, sent(sqlite_stack, inbox, {"text": "y"}, parent)["message_id"])[
        "references"
    ]

    assert len(references) == 100
    assert references[:50] == [f"<r{number}@example.com>" for number in range(50)]
    assert references[-2] == parent


def test_blind_copies_alone_keep_the_derived_recipient(sqlite_stack: Mailbox, inbox: str) -> None:
    reply = sent(sqlite_stack, inbox, {"bcc": "x@example.com"}, received(sqlite_stack, inbox))

    assert (reply["to"], reply["bcc"], "cc" in reply) == (["Ann <ann@example.com>"], ["x@example.com"], False)


def test_a_reply_to_all_leaves_out_plus_forms_and_doubles(sqlite_stack: Mailbox, inbox: str) -> None:
    plus = inbox.replace("@", "+orders@").upper()
    parent = received(
        sqlite_stack,
        inbox,
        to=f"{inbox}, {plus}, Bob <bob@example.com>",
        Cc="BOB@example.com, carl@example.com",
        Reply_To="desk@example.com",
    )

    reply = sent(sqlite_stack, inbox, {}, parent, "reply-all")

    assert (reply["to"], reply["cc"]) == (["desk@example.com", "Bob <bob@example.com>"], ["carl@example.com"])


def test_fifty_addresses_are_counted_without_doubles(sqlite_stack: Mailbox, inbox: str) -> None:
    fifty = [f"a{number}@example.com" for number in range(50)]

    assert len(sent(sqlite_stack, inbox, {"to": fifty, "cc": ["A0@Example.com"]})["to"]) == 50
    assert sqlite_stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": fifty, "cc": "b@example.com"}).status_code == 400


def test_labels_of_a_new_message_are_a_list(sqlite_stack: Mailbox, inbox: str) -> None:
    answer = sqlite_stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "b@example.com", "labels": "one"})

    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, ["labels"])


@pytest.mark.parametrize("how", ["send", "forward"])
def test_nobody_to_send_to_is_unprocessable(sqlite_stack: Mailbox, inbox: str, how: str) -> None:
    path = at(inbox, received(sqlite_stack, inbox), "/forward") if how == "forward" else f"/inboxes/{inbox}/messages/send"

    assert sqlite_stack.http.post(path, {"to": [], "cc": None}).json()["code"] == "unprocessable"


# --- the order of checks ------------------------------------------------------------------------------------------------


def refusal(stack: Mailbox, inbox: str, body: dict[str, Any], key: str | None = None) -> tuple[int, str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    answer = stack.http.post(f"/inboxes/{inbox}/messages/send", body, headers=headers)
    shown = answer.json()
    return answer.status_code, shown["code"], [error["path"] for error in shown.get("errors", [])]


def test_the_inbox_comes_before_the_key_and_the_key_before_the_body(sqlite_stack: Mailbox, inbox: str) -> None:
    assert refusal(sqlite_stack, "nobody@mailroom.local", {"to": 1}, "not a key")[:2] == (404, "not_found")
    assert refusal(sqlite_stack, inbox, {"to": 1}, "not a key") == (400, "validation_error", [["Idempotency-Key"]])


def test_attachments_are_fetched_last(sqlite_stack: Mailbox, inbox: str) -> None:
    no_recipient = {**NOWHERE, "to": []}
    assert refusal(sqlite_stack, inbox, no_recipient)[:2] == (422, "unprocessable")
    assert refusal(sqlite_stack, inbox, NOWHERE)[:2] == (403, "message_rejected")

    sqlite_stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    assert refusal(sqlite_stack, inbox, NOWHERE)[:2] == (403, "inbox_paused")
