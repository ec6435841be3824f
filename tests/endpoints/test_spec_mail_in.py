"""Mail as it arrives, seen by callers (spec: labels.md, "Inbound classification"; inboxes.md, "Inbound addressing")."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import quote

import pytest

from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

EVERYTHING = dict.fromkeys(("include_spam", "include_blocked", "include_unauthenticated", "include_trash"), "true")


def deliver(stack: Mailbox, recipient: str, /, **fields: Any) -> str:
    message_id = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=message_id, **fields), recipient)
    return message_id


def shown(stack: Mailbox, inbox: str, message_id: str) -> dict[str, Any]:
    path = f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}"
    return dict(eventually(lambda: answer if (answer := stack.http.get(path)).status_code == 200 else None).json())


def listed(stack: Mailbox, inbox: str, what: str = "messages", **params: str) -> list[dict[str, Any]]:
    return list(stack.http.get(f"/inboxes/{inbox}/{what}", params=params).json()[what])


@pytest.mark.parametrize(
    ("verdicts", "labels"),
    [
        ("spam=PASS", set()),
        ("spam=FAIL", {"spam"}),
        ("spf=GRAY, dkim=GRAY", {"unauthenticated"}),
        ("spf=PROCESSING_FAILED, dkim=GRAY, spam=FAIL", {"spam", "unauthenticated"}),
        ("spf=GRAY", set()),
        ("dmarc=FAIL, policy=none", set()),
    ],
)
def test_verdicts_become_labels(stack: Mailbox, inbox: str, verdicts: str, labels: set[str]) -> None:
    message = shown(stack, inbox, deliver(stack, inbox, X_Mailroom_Verdicts=verdicts))

    assert set(message["labels"]) == {"received", "unread"} | labels
    assert (len(listed(stack, inbox)), len(listed(stack, inbox, **EVERYTHING))) == (0 if labels else 1, 1)


@pytest.mark.parametrize("verdicts", ["virus=FAIL", "spf=FAIL", "dkim=FAIL", "dmarc=FAIL, policy=reject"])
def test_forged_and_infected_mail_is_dropped(stack: Mailbox, inbox: str, verdicts: str) -> None:
    deliver(stack, inbox, X_Mailroom_Verdicts=verdicts)
    later = deliver(stack, inbox)

    shown(stack, inbox, later)

    assert [message["message_id"] for message in listed(stack, inbox, **EVERYTHING)] == [later]


def test_sub_addresses_and_capitals_lead_to_the_inbox(stack: Mailbox, inbox: str) -> None:
    plus = deliver(stack, inbox.replace("@", "+orders@"))
    capitals = deliver(stack, inbox.upper())

    assert shown(stack, inbox, plus)["inbox_id"] == shown(stack, inbox, capitals)["inbox_id"] == inbox


def test_a_blind_copy_arrives_without_naming_the_inbox(stack: Mailbox, inbox: str) -> None:
    message = shown(stack, inbox, deliver(stack, inbox, to="Bob <bob@example.com>"))

    assert message["to"] == ["Bob <bob@example.com>"]
    assert "bcc" not in message


def test_an_inbox_that_was_paused_never_gets_the_mail_of_that_time(stack: Mailbox, inbox: str) -> None:
    before = deliver(stack, inbox)
    shown(stack, inbox, before)
    stack.http.patch(f"/inboxes/{inbox}", {"status": "paused"})
    other = str(stack.http.post("/inboxes").json()["inbox_id"])
    lost = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=lost), inbox, other)
    shown(stack, other, lost)

    labelled = stack.http.patch(f"/inboxes/{inbox}/messages/{quote(before, safe='')}", {"add_labels": "kept"})
    stack.http.patch(f"/inboxes/{inbox}", {"status": "active"})
    after = deliver(stack, inbox)
    shown(stack, inbox, after)

    assert labelled.status_code == 200
    assert [message["message_id"] for message in listed(stack, inbox)] == [after, before]


def test_a_new_message_brings_a_trashed_thread_back(stack: Mailbox, inbox: str) -> None:
    first = deliver(stack, inbox)
    thread_id = shown(stack, inbox, first)["thread_id"]
    stack.http.patch(f"/threads/{thread_id}", {"add_labels": ["trash"]})
    assert listed(stack, inbox, "threads") == []

    second = deliver(stack, inbox, in_reply_to=first)

    assert shown(stack, inbox, second)["thread_id"] == thread_id
    [thread] = listed(stack, inbox, "threads")
    assert (thread["labels"], thread["message_count"], thread["last_message_id"]) == (["received", "unread"], 1, second)


def test_a_thread_comes_out_of_the_trash_as_it_went_in(stack: Mailbox, inbox: str) -> None:
    first = deliver(stack, inbox)
    thread_id = shown(stack, inbox, first)["thread_id"]
    shown(stack, inbox, deliver(stack, inbox, in_reply_to=first))
    [before] = listed(stack, inbox, "threads")

    stack.http.patch(f"/threads/{thread_id}", {"add_labels": "Trash "})
    assert listed(stack, inbox, "threads", labels="trash") == listed(stack, inbox) == []
    [trashed] = listed(stack, inbox, "threads", labels="trash", include_trash="true")
    stack.http.patch(f"/threads/{thread_id}", {"remove_labels": "trash"})

    assert trashed["message_count"] == 2
    [after] = listed(stack, inbox, "threads")
    assert {**after, "updated_at": None} == {**before, "updated_at": None}
