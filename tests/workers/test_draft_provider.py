"""What the provider does with a draft's mail: takes it and says so late or never, puts it off, refuses it, is not heard of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailroom.messages import handover
from tests.support.crashes import Executioner
from tests.support.draft_desk import MINUTE, DraftDesk, assert_one_mail, assert_tidy

SENT = 7
"""The number of the call that asks the mailer."""
NOTE_CALLS = [
    *["SqliteItemStore.get"] * 4,
    "SqliteItemStore.update",
    "SqliteItemStore.fetch",
    "SqliteItemStore.transact",
    "SqliteItemStore.get",
]
NOTED = 5


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DraftDesk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with DraftDesk() as desk:
        yield desk


def notice(desk: DraftDesk) -> dict[str, Any]:
    mail = {"messageId": "0100-abc", "timestamp": "2026-01-01T12:00:00.000Z", "tags": {"intent": [desk.mailer.sent[0].intent_id]}}
    return {"Records": [{"messageId": "n1", "body": json.dumps({"eventType": "Send", "mail": mail, "send": {}})}]}


def due_now(desk: DraftDesk, inbox: str, **body: Any) -> str:
    """A draft whose timer has not fired yet."""
    draft_id = desk.draft(inbox, due_in=MINUTE, **body)
    desk.clock.advance(MINUTE)
    return draft_id


def killed_after_the_mail(desk: DraftDesk, inbox: str, by: str) -> str:
    """The mailer forgets what it took."""
    desk.mailer.forgetful = True
    draft_id = due_now(desk, inbox)
    act: Callable[[], Any] = desk.fire if by == "timer" else lambda: desk.post(inbox, draft_id)
    assert desk.dying(Executioner(SENT), act) is None
    assert len(desk.mailer.sent) == 1
    return draft_id


@pytest.mark.parametrize("by", ["caller", "timer"])
def test_a_claim_that_the_provider_has_noted_is_completed_as_sent(desk: DraftDesk, by: str) -> None:
    inbox = desk.warmed_up()
    killed_after_the_mail(desk, inbox, by)

    for _ in range(2):
        assert desk.work("outbound.note_provider_event", notice(desk)) == {"batchItemFailures": []}
    desk.settle()

    assert_one_mail(desk, inbox)


def test_a_notice_makes_no_more_calls_than_are_tested(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    killed_after_the_mail(desk, inbox, "timer")
    executioner = Executioner()

    desk.dying(executioner, lambda: desk.work("outbound.note_provider_event", notice(desk)))

    assert executioner.calls == NOTE_CALLS


@pytest.mark.parametrize("call", [side * number for number in range(1, len(NOTE_CALLS) + 1) for side in (-1, 1)])
def test_a_notice_whose_reader_is_killed_completes_the_claim_when_it_comes_again_or_was_noted(desk: DraftDesk, call: int) -> None:
    inbox = desk.warmed_up()
    killed_after_the_mail(desk, inbox, "timer")
    assert desk.dying(Executioner(call), lambda: desk.work("outbound.note_provider_event", notice(desk))) is None

    if abs(call) <= NOTED and call != NOTED:
        desk.work("outbound.note_provider_event", notice(desk))
    desk.settle()

    assert_one_mail(desk, inbox)


@pytest.mark.parametrize("by", ["caller", "timer"])
def test_a_claim_that_nothing_is_heard_of_for_five_minutes_is_scheduled_again(desk: DraftDesk, by: str) -> None:
    inbox = desk.warmed_up()
    draft_id = killed_after_the_mail(desk, inbox, by)

    statuses = []
    for _ in range(5):
        desk.clock.advance(MINUTE)
        desk.repair()
        statuses.append(desk.shown(inbox, draft_id)["send_status"])
    assert_tidy(desk, inbox, died=True)

    assert statuses == ["sending"] * 4 + ["scheduled"]
    assert desk.open_intents() == []


def test_a_claim_of_a_caller_that_nothing_is_heard_of_leaves_a_plain_draft_plain(desk: DraftDesk) -> None:
    desk.mailer.forgetful = True
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    before = desk.shown(inbox, draft_id)
    desk.mailer.after.append(TimeoutError("read"))

    answer = desk.post(inbox, draft_id)
    status = desk.shown(inbox, draft_id)["send_status"]
    desk.clock.advance(5 * MINUTE)
    desk.repair()

    assert (answer.status, answer.body["code"], status) == (403, "message_rejected", "sending")
    assert desk.shown(inbox, draft_id) == before
    assert_tidy(desk, inbox)


def test_a_keyed_caller_is_asked_to_come_back_and_gets_the_answer_of_the_notice(desk: DraftDesk) -> None:
    desk.mailer.forgetful = True
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    desk.mailer.after.append(TimeoutError("read"))
    unknown = desk.post(inbox, draft_id, key="k1")
    desk.work("outbound.note_provider_event", notice(desk))

    answer = desk.post(inbox, draft_id, key="k1")

    assert (unknown.status, unknown.headers["Retry-After"]) == (503, "5")
    assert_one_mail(desk, inbox, answer)


def test_a_keyed_retry_of_a_draft_that_was_given_back_sends_it(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    desk.dying(Executioner(-SENT), lambda: desk.post(inbox, draft_id, key="k1"))
    desk.clock.advance(5 * MINUTE)
    desk.repair()

    answer = desk.post(inbox, draft_id, key="k1")

    assert_one_mail(desk, inbox, answer)
