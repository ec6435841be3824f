"""Receive and reply lists on mail that arrives (spec: lists.md, "Receiving"; labels.md, "Inbound classification")."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.desk import mail
from tests.support.identity import organization_id
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

Arrive = Callable[..., list[str]]
FORGED = ["spf=GRAY, dkim=PASS, dmarc=GRAY", "spf=PASS, dkim=GRAY, dmarc=GRAY", "dmarc=FAIL, policy=none", "spf=GRAY, dkim=GRAY"]
"""What a provider says of a mail that somebody else sent in Ann's name."""


@pytest.fixture
def arrive(stack: Mailbox, inbox: str) -> Arrive:
    def deliver(author: str = "Ann <ann@example.com>", *, envelope: str = "eve@evil.example.net", **fields: Any) -> list[str]:
        """The labels with which the mail is stored."""
        message_id = f"<{uuid.uuid4().hex}@example.com>"
        stack.deliver(mail(message_id=message_id, sender=author, to=inbox, **fields), inbox, sender=envelope)
        path = f"/inboxes/{inbox}/messages/{quote(message_id, safe='')}"
        answer = eventually(lambda: found if (found := stack.http.get(path)).status_code == 200 else None)
        return list(answer.json()["labels"])

    return deliver


def listed(stack: Mailbox, inbox: str, direction: str, list_type: str, entry: str) -> None:
    assert stack.http.post(f"/inboxes/{inbox}/lists/{direction}/{list_type}", {"entry": entry}).status_code == 200


def events(stack: Mailbox, inbox: str, event_type: str) -> int:
    return len(stack.runtime.items.query(Query("ev", keys.events(organization_id(stack.http), inbox, event_type), 100)))


def test_blocked_mail_is_stored_and_labelled(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "receive", "block", "example.com")

    labels = arrive("Ann <Ann@Mail.Example.com>")

    assert labels == ["received", "blocked", "unread"]
    assert stack.http.get(f"/inboxes/{inbox}/messages").json()["count"] == 0
    assert stack.http.get(f"/inboxes/{inbox}/messages", params={"include_blocked": "true"}).json()["count"] == 1
    assert (events(stack, inbox, "message.received.blocked"), events(stack, inbox, "message.received")) == (1, 0)


def test_other_mail_is_not(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "receive", "block", "eve@example.com")

    assert arrive("Ann <ann@example.com>", envelope="eve@example.com") == ["received", "unread"]
    assert events(stack, inbox, "message.received") == 1


def test_a_block_holds_whatever_is_authentic(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "receive", "block", "ann@example.com")

    found = [arrive(X_Mailroom_Verdicts=verdicts) for verdicts in (*FORGED, "spam=FAIL")]

    assert ["blocked" in labels for labels in found] == [True] * 5
    assert "spam" in found[-1]
    assert events(stack, inbox, "message.received.blocked") == 5


def test_an_allow_list_shuts_out_strangers(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "receive", "allow", "ann@example.com")

    assert "blocked" not in arrive("Ann <ann@example.com>")
    assert "blocked" in arrive("Ann <ann+tag@example.com>")
    assert "blocked" in arrive("Bob <bob@example.org>")


def test_a_forged_from_does_not_pass_an_allow_list(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "receive", "allow", "ann@example.com")

    found = [arrive(X_Mailroom_Verdicts=verdicts, DKIM_Signature="v=1; d=evil.example.net") for verdicts in FORGED]

    assert ["blocked" in labels for labels in found] == [True] * len(FORGED)


@pytest.mark.parametrize(
    ("verdicts", "fields"),
    [
        ("spf=PASS, dkim=GRAY, dmarc=PASS", {}),
        ("spf=PASS, dkim=GRAY, dmarc=GRAY", {"envelope": "bounces@mail.example.com"}),
        ("spf=GRAY, dkim=PASS, dmarc=GRAY", {"DKIM_Signature": "v=1; d=mail.example.com; s=x"}),
    ],
)
def test_an_authenticated_from_passes(stack: Mailbox, inbox: str, arrive: Arrive, verdicts: str, fields: dict[str, str]) -> None:
    listed(stack, inbox, "receive", "allow", "example.com")

    assert "blocked" not in arrive(X_Mailroom_Verdicts=verdicts, **fields)


def test_where_the_deployment_is_not_strict_any_from_passes(
    stack: Mailbox, inbox: str, arrive: Arrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(strict_allow=False))
    listed(stack, inbox, "receive", "allow", "ann@example.com")

    assert ["blocked" in arrive(X_Mailroom_Verdicts=verdicts) for verdicts in FORGED] == [False] * len(FORGED)
    assert "blocked" in arrive("Bob <bob@example.org>")


def test_an_answer_goes_by_the_reply_lists_alone(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    sent = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "ann@example.com", "text": "?"}).json()["message_id"]
    listed(stack, inbox, "receive", "block", "ann@example.com")
    unlisted = arrive(in_reply_to=sent)
    listed(stack, inbox, "reply", "block", "bob@example.com")

    assert "blocked" not in unlisted
    assert "blocked" in arrive()
    assert "blocked" in arrive("Bob <bob@example.com>", references=["<older@example.com>", sent])
    assert "blocked" not in arrive("Bob <bob@example.com>")


def test_an_answer_to_received_mail_is_none_to_the_inbox(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    parent = f"<{uuid.uuid4().hex}@example.com>"
    stack.deliver(mail(message_id=parent, to=inbox), inbox)
    path = f"/inboxes/{inbox}/messages/{quote(parent, safe='')}"
    eventually(lambda: stack.http.get(path).status_code == 200)
    listed(stack, inbox, "receive", "block", "ann@example.com")

    assert "blocked" in arrive(in_reply_to=parent)


def test_a_reply_allow_list_believes_no_forged_from(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    sent = stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": "ann@example.com", "text": "?"}).json()["message_id"]
    listed(stack, inbox, "reply", "allow", "example.com")

    assert "blocked" not in arrive(in_reply_to=sent)
    assert "blocked" in arrive(in_reply_to=sent, X_Mailroom_Verdicts=FORGED[0])
    assert "blocked" in arrive("Bob <bob@example.org>", in_reply_to=sent)


def test_send_lists_do_not_rule_what_arrives(stack: Mailbox, inbox: str, arrive: Arrive) -> None:
    listed(stack, inbox, "send", "block", "example.com")
    listed(stack, inbox, "send", "allow", "example.net")

    assert "blocked" not in arrive()
