"""Sending a draft: the message that it becomes (spec: drafts.md, "Send")."""

from __future__ import annotations

import base64
import email
import email.policy
import uuid
from typing import Any

import pytest

from tests.support.drafts import ahead, at, changed, listed, made, received, refusal, sent, taken
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

PDF = base64.b64encode(b"PDF").decode()
FILE = "0197a000-0000-7000-8000-000000000004"


def last_mail(stack: Mailbox) -> Any:
    return email.message_from_bytes(stack.sent()[-1], policy=email.policy.default)


@pytest.mark.parametrize("body", [None, {}, {"add_labels": None, "remove_labels": None}])
def test_the_message_is_what_the_draft_was(stack: Mailbox, inbox: str, body: Any) -> None:
    given: dict[str, Any] = {
        "to": ["Bob <bob@example.com>"],
        "cc": ["c@example.com"],
        "bcc": ["d@example.com"],
        "reply_to": ["team@example.com"],
        "subject": "Grüße",
        "text": "Hallo",
        "html": "<p>Hallo",
    }
    draft = made(stack, inbox, **given, labels=["Todo"], attachments=[{"content": PDF, "filename": "a.pdf"}])

    answer = taken(stack.http.post(at(inbox, draft, "/send"), body))

    message = stack.client.inboxes.messages.get(inbox, answer["message_id"]).dict()
    assert {name: message[name] for name in given} == given
    assert (message["labels"], message["preview"]) == (["sent", "todo"], "Hallo")
    assert message["thread_id"] == answer["thread_id"] == draft["thread_id"]
    assert [(each["filename"], each["size"]) for each in message["attachments"]] == [("a.pdf", 3)]
    mail = last_mail(stack)
    assert (mail["From"], mail["To"], mail["Subject"], mail["Bcc"]) == (inbox, "Bob <bob@example.com>", "Grüße", None)
    assert [part.get_content() for part in mail.iter_attachments()] == [b"PDF"]


def test_a_sent_draft_is_gone(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com")

    sent(stack, inbox, draft)

    assert refusal(stack.http.get(at(inbox, draft))) == (404, "not_found")
    assert refusal(stack.http.post(at(inbox, draft, "/send"))) == (404, "not_found")
    assert refusal(stack.http.patch(at(inbox, draft), {"subject": "x"})) == (404, "not_found")
    assert refusal(stack.http.delete(at(inbox, draft))) == (404, "not_found")
    assert listed(stack.http, at(inbox)) == []
    assert taken(stack.http.get(f"/inboxes/{inbox}/messages"))["count"] == 1


def test_an_empty_draft_with_a_recipient_is_an_empty_mail(stack: Mailbox, inbox: str) -> None:
    message = sent(stack, inbox, made(stack, inbox, to="b@example.com"))

    assert message["text"] == ""
    assert not message.keys() & {"html", "subject", "attachments", "cc", "bcc", "reply_to"}


def test_what_was_changed_is_sent_as_it_is_now(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", text="old", attachments=[{"content": PDF}], labels=["a"])
    file = draft["attachments"][0]["attachment_id"]
    changed(stack, inbox, draft, text="new", remove_attachments=[file], bcc="c@example.com", remove_labels="a", add_labels="b")

    message = sent(stack, inbox, draft)

    assert (message["text"], message["bcc"], message["labels"]) == ("new", ["c@example.com"], ["sent", "b"])
    assert "attachments" not in message


@pytest.mark.parametrize("add", ["New", ["New"], ["new", " NEW "]])
@pytest.mark.parametrize("remove", ["A", ["a", "missing"]])
def test_labels_are_adjusted_by_strings_and_lists(stack: Mailbox, inbox: str, add: Any, remove: Any) -> None:
    draft = made(stack, inbox, to="b@example.com", labels=["a", "b"])

    assert sent(stack, inbox, draft, add_labels=add, remove_labels=remove)["labels"] == ["sent", "b", "new"]


def test_removing_a_label_wins_over_adding_it(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com")

    assert sent(stack, inbox, draft, add_labels=["a", "b"], remove_labels=["b"])["labels"] == ["sent", "a"]


def test_an_event_tells_of_the_sent_mail(stack: Mailbox, inbox: str) -> None:
    stack.http.get("/events")
    message = sent(stack, inbox, made(stack, inbox, to="b@example.com", bcc="c@example.com"))

    def told() -> list[dict[str, Any]]:
        events = taken(stack.http.get("/events", params={"event_types": '["message.sent"]', "limit": 100}))["events"]
        return [each["send"] for each in events if each["send"]["message_id"] == message["message_id"]]

    [event] = eventually(told)
    assert sorted(event["recipients"]) == ["b@example.com", "c@example.com"]


# --- replies and forwards -----------------------------------------------------------------------------------------------


def test_a_reply_joins_the_thread_of_its_parent(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)

    message = sent(stack, inbox, made(stack, inbox, in_reply_to=parent["message_id"], text="Yes"))

    assert (message["to"], message["subject"]) == (["Ann <ann@example.com>"], "Re: Plan")
    assert message["thread_id"] == parent["thread_id"]
    assert message["references"] == ["<root@example.com>", parent["message_id"]]
    mail = last_mail(stack)
    assert mail["In-Reply-To"] == message["in_reply_to"] == parent["message_id"]
    assert mail["References"].split() == message["references"]
    thread = taken(stack.http.get(f"/inboxes/{inbox}/threads/{parent['thread_id']}"))
    assert [each["message_id"] for each in thread["messages"]] == [parent["message_id"], message["message_id"]]


def test_a_reply_is_sent_although_its_parent_is_gone(stack: Mailbox, inbox: str) -> None:
    parent = received(stack, inbox)
    draft = made(stack, inbox, in_reply_to=parent["message_id"], text="Yes")
    stack.http.delete(f"/inboxes/{inbox}/threads/{parent['thread_id']}")

    message = sent(stack, inbox, draft)

    assert (message["to"], message["subject"]) == (["Ann <ann@example.com>"], "Re: Plan")
    assert (message["thread_id"], message["in_reply_to"]) == (parent["thread_id"], parent["message_id"])


def test_a_forward_carries_its_source_as_it_is_when_sent(stack: Mailbox, inbox: str) -> None:
    source = received(stack, inbox, files={FILE: b"theirs"}, bodies={"text": "See below.", "html": "<p>See"})
    draft = made(stack, inbox, forward_of=source["message_id"], text="FYI", attachments=[{"content": PDF, "filename": "mine.pdf"}])

    message = sent(stack, inbox, changed(stack, inbox, draft, to="b@example.com", text="Look here"))

    assert (message["subject"], message["thread_id"]) == ("Fwd: Plan", source["thread_id"])
    assert message["text"].startswith("Look here")
    assert "From: Ann <ann@example.com>" in message["text"]
    assert "See below." in message["text"]
    assert "<p>See" in message["html"]
    assert [each["size"] for each in message["attachments"]] == [6, 3]
    assert message["references"] == ["<root@example.com>", source["message_id"]]
    assert "in_reply_to" not in message
    assert last_mail(stack)["In-Reply-To"] is None


def test_a_forward_without_its_source_is_not_found(stack: Mailbox, inbox: str) -> None:
    source = received(stack, inbox)
    draft = made(stack, inbox, forward_of=source["message_id"], to="b@example.com")
    stack.http.delete(f"/inboxes/{inbox}/threads/{source['thread_id']}")
    before = len(stack.sent())

    assert refusal(stack.http.post(at(inbox, draft, "/send"))) == (404, "not_found")
    assert taken(stack.http.get(at(inbox, draft))) == draft
    assert len(stack.sent()) == before


def test_the_answer_to_a_sent_draft_finds_its_thread(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", subject="New")
    first = sent(stack, inbox, draft)

    second = sent(stack, inbox, made(stack, inbox, in_reply_to=first["message_id"]))

    assert (second["thread_id"], second["to"]) == (draft["thread_id"], ["b@example.com"])


def test_a_draft_to_the_inbox_itself_is_one_message(sqlite_stack: Mailbox) -> None:
    inbox = str(sqlite_stack.http.post("/inboxes").json()["inbox_id"])
    draft = made(sqlite_stack, inbox, to=inbox, text="note", client_id=uuid.uuid4().hex)

    message = sent(sqlite_stack, inbox, draft)

    def labels() -> list[str]:
        [found] = taken(sqlite_stack.http.get(f"/inboxes/{inbox}/messages"))["messages"]
        return list(found["labels"])

    eventually(lambda: labels() == ["received", "sent", "unread"])
    # Whichever half is stored first starts the thread, and only the sent one knows of the draft's.
    [thread] = taken(sqlite_stack.http.get(f"/inboxes/{inbox}/threads"))["threads"]
    assert message["thread_id"] == thread["thread_id"]
    assert sqlite_stack.http.get(at(inbox, draft)).status_code == 404


def test_a_scheduled_draft_may_be_sent_before_its_time(stack: Mailbox, inbox: str) -> None:
    draft = made(stack, inbox, to="b@example.com", send_at=ahead(hours=1), labels=["a"])

    message = sent(stack, inbox, draft)

    assert message["labels"] == ["sent", "a"]
    assert listed(stack.http, at(inbox), labels="scheduled") == []
