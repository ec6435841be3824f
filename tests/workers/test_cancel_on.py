"""`cancel_on`: which answer cancels a scheduled draft, and what a cancelled draft is (docs/drafts.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.drafts.watch import UNCERTAIN_MS
from mailroom.events import types
from mailroom.store import keys
from mailroom.store.port import Delete, Set
from tests.support.desk import SECRET, Answer, mail
from tests.support.draft_desk import HOUR, MINUTE, DraftDesk, assert_one_mail, assert_tidy
from tests.support.feed import SEQUENCE, Feed
from tests.support.seed import seed

PARENT = "<m1@example.com>"


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with DraftDesk() as desk:
        yield desk


@pytest.fixture
def inbox(desk: DraftDesk) -> str:
    """It has had a mail from Ann."""
    inbox = desk.warmed_up()
    desk.parent(inbox)
    return inbox


def follow_up(desk: DraftDesk, inbox: str, cancel_on: str = "reply", **body: Any) -> str:
    """A draft to Ann, with a copy to Carl, that is due in an hour."""
    body = {"to": ["Ann <ann@example.com>"], "cc": ["carl@example.com"], "due_in": HOUR, **body}
    return desk.draft(inbox, in_reply_to=PARENT, cancel_on=cancel_on, **body)


def arrives(desk: DraftDesk, inbox: str, sender: str = "ann@example.com", number: int = 2, **verdicts: str) -> None:
    raw = mail(message_id=f"<m{number}@example.com>", in_reply_to=PARENT, sender=sender, to=inbox)
    assert desk.receive(desk.arrive(raw, inbox, verdicts=verdicts)) == []


def status_of(desk: DraftDesk, inbox: str, draft_id: str) -> str:
    """Once it was due."""
    assert desk.wait(HOUR) == []
    assert_tidy(desk, inbox)
    drafts = [desk.shown(inbox, draft_id)] if desk.drafts(inbox) else []
    assert len(desk.mailer.sent) == 1 - len(drafts)
    return str(drafts[0]["cancel_reason"]) if drafts else "sent"


@pytest.mark.parametrize(
    ("sender", "reply", "any_inbound"),
    [
        ("ann@example.com", "reply", "any_inbound"),
        ("Ann B. <Ann@Example.com>", "reply", "any_inbound"),
        ("ann+work@example.com", "reply", "any_inbound"),
        ("carl@example.com", "reply", "any_inbound"),
        ("dora@example.com", "sent", "any_inbound"),
    ],
)
def test_who_answers_decides(desk: DraftDesk, inbox: str, sender: str, reply: str, any_inbound: str) -> None:
    draft_id = follow_up(desk, inbox, "reply")
    arrives(desk, inbox, sender)
    by_reply = status_of(desk, inbox, draft_id)
    desk.mailer.sent.clear()
    for draft in desk.drafts(inbox):
        desk.throw_away(inbox, draft["draft_id"])
    draft_id = follow_up(desk, inbox, "any_inbound")
    arrives(desk, inbox, sender, 3)

    by_any = status_of(desk, inbox, draft_id)

    assert (by_reply, by_any) == (reply, any_inbound)


@pytest.mark.parametrize(
    ("cancel_on", "labels", "automatic", "outcome"),
    [
        ("reply", [], "reply", "sent"),
        ("any_inbound", [], "reply", "any_inbound"),
        ("reply", ["blocked"], None, "sent"),
        ("any_inbound", ["blocked"], None, "sent"),
        ("reply", ["spam"], None, "reply"),
        ("any_inbound", ["spam"], None, "sent"),
        ("reply", ["unauthenticated"], None, "reply"),
        ("any_inbound", ["trash"], None, "any_inbound"),
    ],
)
def test_what_the_answer_is_decides(
    desk: DraftDesk, inbox: str, cancel_on: str, labels: list[str], automatic: str | None, outcome: str
) -> None:
    draft_id = follow_up(desk, inbox, cancel_on)
    [thread] = desk.threads(inbox)
    message = seed(
        desk.runtime,
        desk.o,
        inbox,
        labels=["received", "unread", *labels],
        thread_id=thread["thread_id"],
        **{"from": "ann@example.com", "to": [inbox]},
    )
    if automatic is not None:
        desk.items.update(keys.message(desk.o, inbox, message["message_id"]), [Set("automatic", automatic)])

    assert status_of(desk, inbox, draft_id) == outcome


@pytest.mark.parametrize("cancel_on", ["reply", "any_inbound"])
def test_what_the_inbox_sends_itself_is_no_answer(desk: DraftDesk, inbox: str, cancel_on: str) -> None:
    draft_id = follow_up(desk, inbox, cancel_on, to=[inbox, "ann@example.com"])
    assert desk.reply(inbox, PARENT, {"text": "One more thing"}).status == 200
    desk.mailer.sent.clear()

    assert status_of(desk, inbox, draft_id) == "sent"


@pytest.mark.parametrize("age", [0, UNCERTAIN_MS // 2, 2 * UNCERTAIN_MS], ids=["just now", "lately", "long ago"])
@pytest.mark.parametrize("cancel_on", ["reply", "any_inbound"])
def test_what_was_there_already_is_no_answer(desk: DraftDesk, inbox: str, age: int, cancel_on: str) -> None:
    arrives(desk, inbox)
    desk.clock.advance(age)
    draft_id = follow_up(desk, inbox, cancel_on)

    assert status_of(desk, inbox, draft_id) == "sent"


def test_an_answer_in_another_thread_is_none(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox, "any_inbound")
    desk.parent(inbox, "<other@example.com>")

    assert status_of(desk, inbox, draft_id) == "sent"


def test_a_draft_whose_thread_is_gone_is_sent(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    [thread] = desk.threads(inbox)
    desk.items.transact([Delete(keys.thread(desk.o, inbox, thread["thread_id"]))])

    assert status_of(desk, inbox, draft_id) == "sent"


def test_a_forward_is_watched_like_a_reply(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, to=["dora@example.com"], forward_of=PARENT, cancel_on="reply", due_in=HOUR)
    arrives(desk, inbox, "dora@example.com")

    assert status_of(desk, inbox, draft_id) == "reply"


# --- what a cancelled draft is ----------------------------------------------------------------------------------------


def test_a_cancelled_draft_is_an_unscheduled_one_that_says_why(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox, labels=["offer"])
    before = desk.shown(inbox, draft_id)
    arrives(desk, inbox)
    desk.wait(HOUR)

    after = desk.shown(inbox, draft_id)

    assert before.keys() - after.keys() == {"send_status", "send_at"}
    assert after.keys() - before.keys() == {"cancelled_at", "cancel_reason"}
    assert (after["labels"], after["cancel_reason"], after["cancel_on"]) == (["offer"], "reply", "reply")
    assert after["cancelled_at"] == after["updated_at"]
    assert_tidy(desk, inbox)


def test_a_cancellation_is_told_once(desk: DraftDesk) -> None:
    feed = Feed(desk, desk.items.feed)  # type: ignore[attr-defined]
    desk.parent(feed.inbox)
    draft_id = follow_up(desk, feed.inbox)
    arrives(desk, feed.inbox)
    desk.clock.advance(HOUR)
    firing = desk.fired()
    for _ in range(2):
        desk.fire(firing)
    feed.step(SEQUENCE)

    listed = events(desk, types.DRAFT_CANCELLED).body["events"]

    [event] = listed
    assert event["draft"]["draft_id"] == draft_id
    assert (event["draft"]["reason"], event["draft"]["message_id"]) == ("reply", "<m2@example.com>")
    assert event["draft"]["timestamp"] == desk.shown(feed.inbox, draft_id)["cancelled_at"]


def events(desk: DraftDesk, event_type: str) -> Answer:
    event = {
        "httpMethod": "GET",
        "resource": "/events",
        "path": "/events",
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "multiValueQueryStringParameters": {"event_types": [f'["{event_type}"]']},
        "body": None,
    }
    return Answer(desk.work("events.list_events", event))


def test_a_cancelled_draft_that_is_scheduled_again_is_sent_despite_the_old_answer(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    arrives(desk, inbox)
    desk.wait(HOUR)

    again = desk.change(inbox, draft_id, send_at=desk.at(HOUR)).body

    assert again.keys().isdisjoint({"cancelled_at", "cancel_reason"})
    assert status_of(desk, inbox, draft_id) == "sent"


def test_a_cancelled_draft_that_is_scheduled_again_is_cancelled_by_a_new_answer(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    arrives(desk, inbox)
    desk.wait(HOUR)
    desk.change(inbox, draft_id, send_at=desk.at(HOUR))
    arrives(desk, inbox, number=3)

    assert status_of(desk, inbox, draft_id) == "reply"
    assert [row["message_id"] for row in desk.events(inbox, types.DRAFT_CANCELLED)] == ["<m2@example.com>", "<m3@example.com>"]


def test_a_reschedule_before_the_answer_was_noticed_does_not_forget_it(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    arrives(desk, inbox)
    desk.change(inbox, draft_id, send_at=desk.at(30 * MINUTE))

    assert status_of(desk, inbox, draft_id) == "reply"


def test_a_draft_that_watches_no_more_is_sent(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    arrives(desk, inbox)
    desk.change(inbox, draft_id, cancel_on=None)

    assert status_of(desk, inbox, draft_id) == "sent"


@pytest.mark.parametrize("noticed", [False, True])
def test_who_sends_a_draft_himself_is_not_stopped_by_an_answer(desk: DraftDesk, inbox: str, noticed: bool) -> None:
    draft_id = follow_up(desk, inbox)
    arrives(desk, inbox)
    desk.wait(HOUR if noticed else 0)

    answer = desk.post(inbox, draft_id)

    assert_one_mail(desk, inbox, answer)
