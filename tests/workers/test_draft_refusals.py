"""A draft at its time, or sent by hand, that the provider or a rule does not let out: tried again, failed, restored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailroom.lists import suppression
from mailroom.messages import handover
from mailroom.messages.idempotency import LOCK_MS
from mailroom.ports import MailerRefused, MailerThrottled
from mailroom.store import keys
from mailroom.store.port import Delete, StoreBusy
from tests.support.draft_desk import HOUR, MINUTE, DraftDesk, assert_one_mail, assert_tidy


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DraftDesk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with DraftDesk() as desk:
        yield desk


def due_now(desk: DraftDesk, inbox: str, **body: Any) -> str:
    """A draft whose timer has not fired yet."""
    draft_id = desk.draft(inbox, due_in=MINUTE, **body)
    desk.clock.advance(MINUTE)
    return draft_id


@pytest.mark.parametrize("failure", [MailerThrottled(3), StoreBusy("disk full")])
def test_a_draft_that_is_put_off_is_tried_three_times_over_ten_minutes_then_failed(desk: DraftDesk, failure: Exception) -> None:
    inbox = desk.warmed_up()
    draft_id = due_now(desk, inbox)
    desk.mailer.before.extend([failure] * 3)

    attempts, statuses = [], []
    for wait in (0, 2 * MINUTE - 1000, 1000, 8 * MINUTE - 1000, 1000):
        assert desk.wait(wait) == []
        attempts.append(len(desk.mailer.calls))
        statuses.append(desk.shown(inbox, draft_id)["send_status"])
    assert_tidy(desk, inbox)
    desk.settle()

    assert attempts == [1, 1, 2, 2, 3]
    assert statuses == ["scheduled"] * 4 + ["failed"]
    assert len(desk.mailer.calls) == 3
    assert desk.mailer.sent == desk.messages(inbox) == desk.open_intents() == []


def test_a_draft_that_is_put_off_once_is_sent_by_the_second_attempt(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    due_now(desk, inbox)
    desk.mailer.before.append(MailerThrottled(3))
    desk.fire()
    assert_tidy(desk, inbox)

    desk.wait(2 * MINUTE)

    assert_one_mail(desk, inbox)


def test_a_draft_that_nothing_is_heard_of_three_times_is_failed(desk: DraftDesk) -> None:
    desk.mailer.forgetful = True
    inbox = desk.warmed_up()
    draft_id = due_now(desk, inbox)
    desk.mailer.before.extend([TimeoutError("connect")] * 3)
    desk.fire()
    assert desk.shown(inbox, draft_id)["send_status"] == "sending"

    desk.settle()

    failed = desk.shown(inbox, draft_id)
    assert (failed["send_status"], failed["send_error"]["code"]) == ("failed", "service_unavailable")
    assert len(desk.mailer.calls) == 3
    assert_tidy(desk, inbox)


def refused(desk: DraftDesk, inbox: str) -> None:
    desk.mailer.before.append(MailerRefused("Virus found"))


def paused(desk: DraftDesk, inbox: str) -> None:
    desk.pause(inbox)


def suppressed(desk: DraftDesk, inbox: str) -> None:
    bob = "bob@example.com"
    desk.items.transact(suppression.suppressing(desk.o, {suppression.key(desk.o, bob): bob}, "bounce", {}, now=desk.clock()))


def source_deleted(desk: DraftDesk, inbox: str) -> None:
    row = keys.message(desk.o, inbox, "<m1@example.com>")
    desk.items.transact([Delete(row), Delete(keys.body(row))])


@pytest.mark.parametrize(
    ("refuse", "body", "code", "words"),
    [
        (refused, {}, "message_rejected", "Virus found"),
        (paused, {}, "inbox_paused", "paused"),
        (suppressed, {}, "message_rejected", "bob@example.com"),
        (lambda *_: None, {"to": []}, "unprocessable", "recipient"),
        (source_deleted, {"forward_of": "<m1@example.com>"}, "not_found", "forwarded"),
    ],
    ids=["refused", "paused", "suppressed", "nobody", "source deleted"],
)
def test_a_draft_that_may_not_be_sent_has_failed_at_once_and_says_why(
    desk: DraftDesk, refuse: Callable[[DraftDesk, str], None], body: dict[str, Any], code: str, words: str
) -> None:
    inbox = desk.warmed_up()
    desk.parent(inbox)
    draft_id = due_now(desk, inbox, **body)
    before = desk.shown(inbox, draft_id)
    refuse(desk, inbox)

    assert desk.fire() == []
    desk.settle()

    after = desk.shown(inbox, draft_id)
    assert (after["send_status"], after["send_at"], after["labels"]) == ("failed", before["send_at"], ["scheduled"])
    assert after["send_error"]["code"] == code
    assert words in after["send_error"]["message"]
    assert "send it, or give it a new send_at" in after["send_error"]["fix"]
    assert desk.mailer.sent == desk.open_intents() == []
    assert_tidy(desk, inbox)


def test_a_draft_that_missed_its_time_in_a_pause_is_not_sent_when_the_pause_ends(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = due_now(desk, inbox)
    desk.pause(inbox)
    desk.fire()

    desk.pause(inbox, "active")
    desk.settle()

    assert desk.shown(inbox, draft_id)["send_status"] == "failed"
    assert desk.mailer.sent == []


def test_a_failed_draft_can_be_sent_by_hand(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = due_now(desk, inbox)
    desk.mailer.before.extend([MailerRefused("Not now"), MailerRefused("Still not")])
    desk.fire()
    failed = desk.shown(inbox, draft_id)

    refused_again = desk.post(inbox, draft_id)
    restored = desk.shown(inbox, draft_id)
    answer = desk.post(inbox, draft_id)

    assert (refused_again.status, restored) == (403, failed)
    assert "scheduled" not in assert_one_mail(desk, inbox, answer)["labels"]


def test_a_new_time_schedules_a_failed_draft_again(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = due_now(desk, inbox)
    desk.mailer.before.append(MailerRefused("Not now"))
    desk.fire()

    again = desk.change(inbox, draft_id, send_at=desk.at(HOUR)).body
    desk.wait(HOUR)

    assert again["send_status"] == "scheduled"
    assert "send_error" not in again
    assert_one_mail(desk, inbox)


@pytest.mark.parametrize("failure", [MailerThrottled(3), MailerRefused("Virus found")])
@pytest.mark.parametrize("claimed_beyond_its_time", [False, True])
def test_a_scheduled_draft_that_a_caller_could_not_send_keeps_a_timer(
    desk: DraftDesk, failure: Exception, claimed_beyond_its_time: bool
) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, due_in=HOUR)
    before = desk.shown(inbox, draft_id)
    send = desk.mailer.send

    def fires_meanwhile(mail: Any) -> str:
        desk.clock.advance(HOUR if claimed_beyond_its_time else 0)
        assert desk.fire() == []
        return send(mail)

    desk.mailer.send = fires_meanwhile  # type: ignore[method-assign]
    desk.mailer.before.append(failure)

    answer = desk.post(inbox, draft_id)
    after = desk.shown(inbox, draft_id)
    assert_tidy(desk, inbox)
    desk.mailer.send = send  # type: ignore[method-assign]
    desk.wait(0 if claimed_beyond_its_time else HOUR)

    assert answer.status in (403, 429)
    assert after == before
    assert_one_mail(desk, inbox)


def test_a_store_that_fails_when_a_draft_is_given_back_leaves_it_to_the_sweep(
    desk: DraftDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    desk.mailer.before.append(MailerThrottled(3))
    monkeypatch.setattr(desk.timers, "set", lambda *_: None)
    transact = desk.items.transact

    def failing(actions: Any) -> None:
        if desk.mailer.calls:
            raise StoreBusy("injected")
        transact(actions)

    monkeypatch.setattr(desk.items, "transact", failing)
    answer = desk.post(inbox, draft_id)
    monkeypatch.undo()
    sending = desk.shown(inbox, draft_id)
    desk.clock.advance(LOCK_MS + 5 * MINUTE)
    desk.repair()

    assert (answer.status, sending["send_status"]) == (429, "sending")
    assert_one_mail(desk, inbox, desk.post(inbox, draft_id))
