"""Answers to automatic mail are refused unless they are forced, and a thread has its messages per hour (docs/loops.md)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from agentmail.core.api_error import ApiError

from mailroom.config import Config
from tests.support.backends import BACKENDS, mailbox
from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

CEILING = 3
ANSWERS = ("reply", "reply-all")
NOWHERE = {"attachments": [{"url": "http://127.0.0.1:9/nothing"}]}
LOOP = (403, "loop_detected")
REPORT = b"""From: Mail Delivery System <mailer-daemon@mx.example.com>\r
To: you\r
Subject: SUBJECT\r
Message-ID: <SUBJECT@mx.example.com>\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
\r
It could not be delivered.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example.com\r
\r
Final-Recipient: rfc822; nobody@example.com\r
Action: failed\r
Status: 5.1.1\r
--b--\r
"""


@pytest.fixture(scope="module", params=BACKENDS)
def stack(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    with mailbox(request.param, Config(rate_per_second=0, thread_send_limit=CEILING)) as opened:
        yield opened


def at(inbox: str, message_id: str, how: str = "") -> str:
    return f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}{how and '/'}{how}"


def answer(stack: Mailbox, inbox: str, parent: str, how: str = "reply", *, key: str | None = None, **body: Any) -> httpx.Response:
    if how == "forward":
        body.setdefault("to", "bob@example.com")
    return stack.http.post(at(inbox, parent, how), {"text": "x", **body}, headers={"Idempotency-Key": key} if key else {})


def refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


def listed(stack: Mailbox, inbox: str, subject: str) -> list[dict[str, Any]]:
    found = stack.http.get(f"/inboxes/{inbox}/messages").json()["messages"]
    return [each for each in found if each.get("subject") == subject]


def received(stack: Mailbox, inbox: str, raw: bytes | None = None, *, sender: str = "ann@example.com", **fields: Any) -> str:
    """Its message id."""
    subject = uuid.uuid4().hex
    raw = raw or mail(**{"to": inbox, "message_id": f"<{subject}@example.com>", **fields, "subject": subject})
    stack.deliver(raw.replace(b"SUBJECT", subject.encode()), inbox, sender=sender)
    [message] = eventually(lambda: listed(stack, inbox, subject))
    return str(message["message_id"])


def vacation(stack: Mailbox, inbox: str) -> str:
    return received(stack, inbox, Auto_Submitted="auto-replied (vacation)")


def report(stack: Mailbox, inbox: str) -> str:
    return received(stack, inbox, REPORT, sender="")


def without_return_path(stack: Mailbox, inbox: str) -> str:
    return received(stack, inbox, sender="")


def newsletter(stack: Mailbox, inbox: str) -> str:
    return received(stack, inbox, List_Id="News <news.example.com>", Precedence="bulk")


def returned(stack: Mailbox, inbox: str) -> str:
    """A mail of the inbox to a list, as it comes back to it: under its own id, with another subject and a footer."""
    sent = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "list@example.com", "subject": "Plan", "text": "Hi"}).json()
    return received(stack, inbox, message_id=sent["message_id"], sender=inbox, text="Hi\n\n-- \nthe list\n")


AUTOMATIC = [
    (vacation, "by a program"),
    (report, "no return path"),
    (without_return_path, "no return path"),
    (newsletter, "by a program"),
    (returned, "own mail come back"),
]
arriving = pytest.mark.parametrize("arrive", [arrive for arrive, _ in AUTOMATIC])
Arrive = Callable[[Mailbox, str], str]


# --- automatic mail -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ANSWERS)
@pytest.mark.parametrize(("arrive", "said"), AUTOMATIC)
def test_an_answer_to_automatic_mail_is_refused(stack: Mailbox, inbox: str, arrive: Arrive, said: str, how: str) -> None:
    parent = arrive(stack, inbox)
    before = len(stack.sent())

    refused = answer(stack, inbox, parent, how)

    body = refused.json()
    assert (refused.status_code, body["code"], body["name"]) == (403, "loop_detected", "LoopDetectedError")
    assert said in body["message"]
    assert "force: true" in body["fix"]
    assert len(stack.sent()) == before


@pytest.mark.parametrize("how", ANSWERS)
@arriving
def test_a_forced_answer_goes_out(stack: Mailbox, inbox: str, arrive: Arrive, how: str) -> None:
    parent = arrive(stack, inbox)

    sent = answer(stack, inbox, parent, how, force=True)

    assert sent.status_code == 200, sent.text
    assert stack.http.get(at(inbox, sent.json()["message_id"])).json()["in_reply_to"] == parent


@arriving
def test_automatic_mail_is_forwarded_without_force(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    assert answer(stack, inbox, arrive(stack, inbox), "forward").status_code == 200


def test_other_recipients_make_it_no_other_answer(stack: Mailbox, inbox: str) -> None:
    assert refusal(answer(stack, inbox, vacation(stack, inbox), to="bob@example.com")) == LOOP


def test_force_set_to_false_is_no_force(stack: Mailbox, inbox: str) -> None:
    assert refusal(answer(stack, inbox, vacation(stack, inbox), force=False)) == LOOP


def test_the_sdk_can_force_an_answer(stack: Mailbox, inbox: str) -> None:
    parent = vacation(stack, inbox)
    messages = stack.client.inboxes.messages

    with pytest.raises(ApiError) as refused:
        messages.reply(inbox, parent, text="x")
    options: Any = {"additional_body_parameters": {"force": True}}
    forced = messages.reply(inbox, parent, text="x", request_options=options)
    everybody = messages.reply_all(inbox, parent, text="x", request_options=options)

    assert refused.value.status_code == 403
    assert refused.value.body.name == "LoopDetectedError"
    assert messages.get(inbox, forced.message_id).in_reply_to == parent
    assert messages.get(inbox, everybody.message_id).in_reply_to == parent


def test_a_humans_mail_and_the_answer_to_ones_own_are_free(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox, Auto_Submitted="no")

    reply = answer(stack, inbox, parent)
    follow_up = answer(stack, inbox, reply.json()["message_id"])

    assert (reply.status_code, follow_up.status_code) == (200, 200)


def test_an_own_message_that_came_back_leaves_the_original_as_it_was(stack: Mailbox, inbox: str) -> None:
    copy = returned(stack, inbox)

    [sent] = listed(stack, inbox, "Plan")
    assert copy != sent["message_id"]
    assert copy.endswith(f".dup@{inbox.rpartition('@')[2]}>")
    assert {"sent", "received"} & set(sent["labels"]) == {"sent"}
    assert answer(stack, inbox, sent["message_id"]).status_code == 200


def test_an_inbox_may_answer_itself(sqlite_stack: Mailbox) -> None:
    """On one machine, where mail to oneself arrives by itself."""
    inbox = str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])
    note = sqlite_stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": inbox, "subject": "note"}).json()["message_id"]
    eventually(lambda: "received" in sqlite_stack.http.get(at(inbox, note)).json()["labels"])

    first = answer(sqlite_stack, inbox, note)
    eventually(lambda: "received" in sqlite_stack.http.get(at(inbox, first.json()["message_id"])).json()["labels"])
    second = answer(sqlite_stack, inbox, first.json()["message_id"])

    assert (first.status_code, second.status_code) == (200, 200)


def test_mail_from_another_inbox_is_not_automatic(sqlite_stack: Mailbox) -> None:
    one, other = (str(sqlite_stack.http.post("/inboxes").json()["inbox_id"]) for _ in range(2))
    sent = sqlite_stack.http.post(f"/inboxes/{one}/messages/send", {"to": other, "subject": "Hi", "text": "x"}).json()["message_id"]
    eventually(lambda: listed(sqlite_stack, other, "Hi"))

    assert answer(sqlite_stack, other, sent).status_code == 200


def test_an_agent_that_says_what_it_is_gets_no_answer_from_another(sqlite_stack: Mailbox) -> None:
    one, other = (str(sqlite_stack.http.post("/inboxes").json()["inbox_id"]) for _ in range(2))
    body = {"to": other, "subject": "Hi", "headers": {"Auto-Submitted": "auto-generated"}}
    sent = sqlite_stack.http.post(f"/inboxes/{one}/messages/send", body).json()["message_id"]
    eventually(lambda: listed(sqlite_stack, other, "Hi"))

    assert refusal(answer(sqlite_stack, other, sent)) == LOOP


# --- order and form -----------------------------------------------------------------------------------------------------


def test_a_paused_inbox_is_said_first(stack: Mailbox, inbox: str) -> None:
    parent = vacation(stack, inbox)
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})

    assert refusal(answer(stack, inbox, parent)) == (403, "inbox_paused")


def test_nobody_to_answer_to_is_said_first(stack: Mailbox, inbox: str) -> None:
    raw = b"Subject: SUBJECT\r\nMessage-ID: <SUBJECT@x.example>\r\n\r\nIt bounced.\r\n"

    assert refusal(answer(stack, inbox, received(stack, inbox, raw, sender=""))) == (422, "unprocessable")


def test_a_refused_recipient_is_said_first(stack: Mailbox, inbox: str) -> None:
    parent = vacation(stack, inbox)
    stack.http.post(f"/inboxes/{inbox}/lists/send/block", {"entry": "ann@example.com"})

    assert refusal(answer(stack, inbox, parent)) == (403, "message_rejected")


def test_a_loop_is_said_before_attachments_are_fetched(stack: Mailbox, inbox: str) -> None:
    assert refusal(answer(stack, inbox, vacation(stack, inbox), **NOWHERE)) == LOOP


def test_a_refused_answer_leaves_its_key_free(stack: Mailbox, inbox: str) -> None:
    parent, key = vacation(stack, inbox), uuid.uuid4().hex

    refused = [answer(stack, inbox, parent, key=key) for _ in range(2)]
    forced = [answer(stack, inbox, parent, key=key, force=True) for _ in range(2)]

    assert [refusal(each) for each in refused] == [LOOP, LOOP]
    assert [each.status_code for each in forced] == [200, 200]
    assert forced[0].json() == forced[1].json()


@pytest.mark.parametrize("value", ["true", 1, [], {}])
@pytest.mark.parametrize("how", [*ANSWERS, "forward"])
def test_force_is_a_boolean(stack: Mailbox, inbox: str, how: str, value: Any) -> None:
    refused = answer(stack, inbox, vacation(stack, inbox), how, force=value)

    assert (refused.status_code, [error["path"] for error in refused.json()["errors"]]) == (400, [["force"]])


# --- the ceiling of a thread --------------------------------------------------------------------------------------------


def full_thread(stack: Mailbox, inbox: str) -> str:
    """The message that started a thread with as many answers as an hour allows."""
    parent = received(stack, inbox)
    for _ in range(CEILING):
        assert answer(stack, inbox, parent).status_code == 200
    return parent


@pytest.mark.parametrize("how", [*ANSWERS, "forward"])
def test_a_thread_has_its_messages_per_hour(stack: Mailbox, inbox: str, how: str) -> None:
    parent = full_thread(stack, inbox)

    refused = answer(stack, inbox, parent, how)

    assert refusal(refused) == LOOP
    assert f"{CEILING} messages an hour" in refused.json()["message"]
    assert "free again at 2" in refused.json()["fix"]


def test_replies_and_forwards_count_together(stack: Mailbox, inbox: str) -> None:
    started = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "bob@example.com", "subject": "s"}).json()["message_id"]

    answers = [answer(stack, inbox, started, how).status_code for how in ("forward", "reply-all", "reply", "forward")]

    assert answers == [200, 200, 403, 403]


def test_force_does_not_lift_the_ceiling(stack: Mailbox, inbox: str) -> None:
    assert refusal(answer(stack, inbox, full_thread(stack, inbox), force=True)) == LOOP


def test_a_full_thread_still_receives_and_others_are_free(stack: Mailbox, inbox: str) -> None:
    parent = full_thread(stack, inbox)

    news = received(stack, inbox, in_reply_to=parent)
    other = received(stack, inbox)
    new = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "ann@example.com", "subject": "s"})

    assert stack.http.get(at(inbox, news)).json()["thread_id"] == stack.http.get(at(inbox, parent)).json()["thread_id"]
    assert refusal(answer(stack, inbox, news)) == LOOP
    assert (answer(stack, inbox, other).status_code, new.status_code) == (200, 200)


def test_deleting_what_was_sent_frees_nothing(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)
    sent = [answer(stack, inbox, parent).json()["message_id"] for _ in range(CEILING)]

    for each in sent:
        assert stack.http.delete(at(inbox, each)).status_code == 204

    assert refusal(answer(stack, inbox, parent)) == LOOP


def test_the_other_inbox_of_a_conversation_has_its_own_ceiling(stack: Mailbox, new_inbox: Callable[[], str]) -> None:
    one, other = new_inbox(), new_inbox()
    shared = f"<{uuid.uuid4().hex}@example.com>"
    parents = [received(stack, inbox, message_id=shared) for inbox in (one, other)]
    for _ in range(CEILING):
        answer(stack, one, parents[0])

    assert refusal(answer(stack, one, parents[0])) == LOOP
    assert answer(stack, other, parents[1]).status_code == 200


# --- drafts -------------------------------------------------------------------------------------------------------------


def draft(stack: Mailbox, inbox: str, *, force: bool = False, **given: Any) -> str:
    options: Any = {"additional_body_parameters": {"force": True}} if force else None
    return str(stack.client.inboxes.drafts.create(inbox, text="x", request_options=options, **given).draft_id)


def send_draft(stack: Mailbox, inbox: str, draft_id: str, **body: Any) -> httpx.Response:
    return stack.http.post(f"/inboxes/{inbox}/drafts/{draft_id}/send", body)


@pytest.mark.parametrize("reply_all", [False, True])
def test_a_reply_draft_to_automatic_mail_is_refused_until_it_is_forced(stack: Mailbox, inbox: str, reply_all: bool) -> None:
    made = draft(stack, inbox, in_reply_to=vacation(stack, inbox), reply_all=reply_all)

    refused = send_draft(stack, inbox, made)
    forced = send_draft(stack, inbox, made, force=True)

    assert refusal(refused) == LOOP
    assert forced.status_code == 200


def test_a_draft_may_be_forced_from_the_beginning(stack: Mailbox, inbox: str) -> None:
    made = draft(stack, inbox, in_reply_to=vacation(stack, inbox), force=True)

    assert send_draft(stack, inbox, made).status_code == 200


def test_a_draft_remembers_that_it_answers_automatic_mail_which_is_deleted(stack: Mailbox, inbox: str) -> None:
    parent = vacation(stack, inbox)
    made = draft(stack, inbox, in_reply_to=parent)
    stack.http.delete(at(inbox, parent))

    assert refusal(send_draft(stack, inbox, made)) == LOOP


def test_automatic_mail_is_forwarded_by_a_draft(stack: Mailbox, inbox: str) -> None:
    made = draft(stack, inbox, forward_of=vacation(stack, inbox), to=["bob@example.com"])

    assert send_draft(stack, inbox, made).status_code == 200


@pytest.mark.parametrize("source", ["in_reply_to", "forward_of"])
def test_a_draft_into_a_full_thread_is_refused(stack: Mailbox, inbox: str, source: str) -> None:
    made = draft(stack, inbox, to=["ann@example.com"], **{source: full_thread(stack, inbox)})

    assert refusal(send_draft(stack, inbox, made, force=True)) == LOOP
    assert stack.client.inboxes.drafts.get(inbox, made).draft_id == made


def test_force_of_a_draft_is_a_boolean(stack: Mailbox, inbox: str) -> None:
    made = draft(stack, inbox, to=["ann@example.com"])

    for path in (f"/inboxes/{inbox}/drafts", f"/inboxes/{inbox}/drafts/{made}/send"):
        assert stack.http.post(path, {"force": "yes"}).json()["errors"][0]["path"] == ["force"]
