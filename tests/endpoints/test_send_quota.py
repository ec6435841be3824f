"""Send quotas as callers meet them (spec: limits.md, "Organization plans"; messages.md, "Order of checks")."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from mailroom.config import Config
from mailroom.lists.suppression import key as suppression_key
from mailroom.lists.suppression import suppressing
from mailroom.messages import quota
from mailroom.store import keys
from mailroom.store.meter import metered
from tests.support.desk import Desk
from tests.support.seed import seed
from tests.support.stacks import Mailbox

TWO = {"to": "ann@example.com", "cc": ["ANN@example.com", "bob@example.com"]}


@pytest.fixture
def o(stack: Mailbox) -> str:
    return str(stack.http.get("/auth/me").json()["organization_id"])


@pytest.fixture
def _one_a_day(stack: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(daily_send_limit=1))


@pytest.mark.usefixtures("_one_a_day")
@pytest.mark.parametrize("how", ["send", "reply", "reply-all", "forward"])
def test_more_recipients_than_the_day_has_left_are_refused(stack: Mailbox, inbox: str, o: str, how: str) -> None:
    parent = seed(stack.runtime, o, inbox, to=[inbox, "bob@example.com"])["message_id"]
    path = "send" if how == "send" else f"{quote(parent, safe='')}/{how}"
    before = len(stack.sent())

    answer = stack.http.post(f"/inboxes/{inbox}/messages/{path}", {} if how == "reply-all" else TWO)

    body = answer.json()
    assert (answer.status_code, body["code"], body["message"]) == (429, "rate_limit_exceeded", "Daily send limit exceeded")
    assert 0 < int(answer.headers["retry-after"]) <= 24 * 3600
    assert "00:00 UTC" in body["fix"]
    assert len(stack.sent()) == before


def test_the_month_has_a_limit_of_its_own(stack: Mailbox, inbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack.runtime, "config", stack.runtime.config._replace(daily_send_limit=9, monthly_send_limit=1))

    answer = stack.http.post(f"/inboxes/{inbox}/messages/send", TWO)

    assert (answer.status_code, answer.json()["message"]) == (429, "Monthly send limit exceeded")


@pytest.mark.usefixtures("_one_a_day")
def test_a_suppressed_recipient_is_told_before_the_quota_and_the_quota_before_attachments(
    stack: Mailbox, inbox: str, o: str
) -> None:
    unreachable = [{"url": "http://127.0.0.1:9/nothing"}]
    gone = "gone@example.com"
    stack.runtime.items.transact(suppressing(o, {suppression_key(o, gone): gone}, "bounce", {}, now=stack.runtime.clock()))

    suppressed = stack.http.post(f"/inboxes/{inbox}/messages/send", {**TWO, "bcc": "gone@example.com", "attachments": unreachable})
    limited = stack.http.post(f"/inboxes/{inbox}/messages/send", {**TWO, "attachments": unreachable})

    assert [answer.json()["code"] for answer in (suppressed, limited)] == ["message_rejected", "rate_limit_exceeded"]
    assert "gone@example.com" in suppressed.json()["message"]


def test_what_was_counted_already_is_seen_ahead(stack: Mailbox, inbox: str, o: str, monkeypatch: pytest.MonkeyPatch) -> None:
    config = stack.runtime.config._replace(monthly_send_limit=1_000_000)
    monkeypatch.setattr(stack.runtime, "config", config)
    stack.runtime.items.transact(quota.counting(o, 999_999, config=config, now=stack.runtime.clock()))

    answer = stack.http.post(f"/inboxes/{inbox}/messages/send", TWO)

    assert answer.status_code == 429
    for key in quota.reads(o, config, stack.runtime.clock()):
        stack.runtime.items.delete(key)


def test_the_check_ahead_costs_no_trip() -> None:
    with Desk(Config(daily_send_limit=5, monthly_send_limit=5)) as desk:
        inbox = desk.inbox()
        desk.note_key_use()
        desk.send(inbox, {"to": "ann@example.com"})

        with metered() as meter:
            answer = desk.send(inbox, {"to": "ann@example.com"})

    assert (answer.status, meter.trips) == (200, 3)


def test_counters_are_short_lived_rows_of_their_organization() -> None:
    key = keys.sends_counted("org-1", "2025-06-16")

    assert (key.table, key.pk.partition("#")[0], key.sk) == ("eph", "org-1", "2025-06-16")
