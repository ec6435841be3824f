"""Callers and timers at once: whoever wins the draft decides, and the other one finds that out."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailroom.messages import handover
from tests.support.crashes import Executioner, Intruder
from tests.support.desk import Answer
from tests.support.draft_desk import HOUR, LETTER, MINUTE, DraftDesk, assert_one_mail, assert_tidy, record

TIMER_CALLS = range(1, 9)
"""Of a due draft, see test_draft_failures.py."""
SEND = 7


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DraftDesk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with DraftDesk() as desk:
        yield desk


@pytest.fixture
def inbox(desk: DraftDesk) -> str:
    return desk.warmed_up()


def fires_with(desk: DraftDesk, call: int, act: Callable[[], Answer]) -> Answer:
    """What a caller is answered who acts right before a call of the timer that has fired."""
    answers: list[Answer] = []
    desk.clock.advance(HOUR)
    intruder = Intruder(call, lambda: answers.append(act()))
    assert desk.dying(intruder, desk.fire) == []
    return answers[0]


@pytest.mark.parametrize("call", TIMER_CALLS)
def test_a_reschedule_while_the_timer_fires_wins_or_is_told_that_it_comes_too_late(desk: DraftDesk, inbox: str, call: int) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)

    answer = fires_with(desk, call, lambda: desk.change(inbox, draft_id, send_at=desk.at(HOUR)))
    sent_now = len(desk.mailer.sent)
    assert_tidy(desk, inbox)
    desk.wait(HOUR)

    assert (answer.status, sent_now) == ((200, 0) if call < SEND else (409, 1))
    assert_one_mail(desk, inbox)


@pytest.mark.parametrize("call", TIMER_CALLS)
def test_a_delete_while_the_timer_fires_wins_or_is_told_that_it_comes_too_late(desk: DraftDesk, inbox: str, call: int) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)

    answer = fires_with(desk, call, lambda: desk.throw_away(inbox, draft_id))
    desk.settle()

    assert (answer.status, len(desk.mailer.sent)) == ((204, 0) if call < SEND else (409, 1))
    assert_tidy(desk, inbox)


@pytest.mark.parametrize("call", TIMER_CALLS)
@pytest.mark.parametrize("text", ["Two, please", "Two " * 20_000], ids=["small", "large"])
def test_an_edit_while_the_timer_fires_is_in_the_mail_or_is_told_that_it_comes_too_late(
    desk: DraftDesk, inbox: str, call: int, text: str
) -> None:
    """Its timer is used up: nothing would send the draft before the sweep comes round if this firing gave up."""
    draft_id = desk.draft(inbox, due_in=HOUR, text="One " * 20_000)
    [file] = desk.shown(inbox, draft_id)["attachments"]
    change = {"text": text, "remove_attachments": [file["attachment_id"]]}

    answer = fires_with(desk, call, lambda: desk.change(inbox, draft_id, **change))

    assert answer.status == (200 if call < SEND else 409)
    assert ("attachments" not in assert_one_mail(desk, inbox)) == (answer.status == 200)
    assert (b"Two" in desk.mailer.sent[0].raw) == (answer.status == 200)


@pytest.mark.parametrize("call", TIMER_CALLS)
def test_a_caller_who_sends_while_the_timer_fires_sends_or_is_told_that_it_is_being_sent(
    desk: DraftDesk, inbox: str, call: int
) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)

    answer = fires_with(desk, call, lambda: desk.post(inbox, draft_id))

    assert answer.status == (200 if call < SEND else 409)
    assert_one_mail(desk, inbox, answer if call < SEND else None)


def rescheduling(desk: DraftDesk, inbox: str, draft_id: str) -> Answer:
    return desk.change(inbox, draft_id, send_at=desk.at(HOUR))


def editing(desk: DraftDesk, inbox: str, draft_id: str) -> Answer:
    return desk.change(inbox, draft_id, subject="Another")


def sending(desk: DraftDesk, inbox: str, draft_id: str) -> Answer:
    return desk.post(inbox, draft_id)


def deleting(desk: DraftDesk, inbox: str, draft_id: str) -> Answer:
    return desk.throw_away(inbox, draft_id)


@pytest.mark.parametrize("act", [rescheduling, editing, sending, deleting])
@pytest.mark.parametrize("call", range(1, 5))
def test_a_timer_that_fires_while_a_caller_acts_leads_to_one_mail(
    desk: DraftDesk, inbox: str, call: int, act: Callable[[DraftDesk, str, str], Answer]
) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)

    answer = desk.dying(Intruder(call, desk.fire), lambda: act(desk, inbox, draft_id))
    assert answer is not None
    desk.settle()

    deleted = answer.status == 204
    assert answer.status in (200, 204, 404, 409)
    assert [len(desk.mailer.sent), len(desk.drafts(inbox))] == [0 if deleted else 1, 0]
    assert_tidy(desk, inbox, died=True)


@pytest.mark.parametrize("act", [rescheduling, editing, sending, deleting])
def test_a_draft_that_is_being_sent_is_left_alone(
    desk: DraftDesk, inbox: str, act: Callable[[DraftDesk, str, str], Answer]
) -> None:
    draft_id = desk.draft(inbox)
    desk.dying(Executioner(SEND), lambda: desk.post(inbox, draft_id))
    shown = desk.shown(inbox, draft_id)

    answer = act(desk, inbox, draft_id)

    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (409, "conflict", "1")
    assert (shown["send_status"], desk.shown(inbox, draft_id)) == ("sending", shown)


@pytest.mark.parametrize("named", ["by id", "by client id"])
@pytest.mark.parametrize("call", range(1, 9))
def test_two_requests_with_one_key_get_one_answer(desk: DraftDesk, inbox: str, call: int, named: str) -> None:
    """Also where the draft goes between two reads of the second one."""
    draft_id = desk.draft(inbox, client_id="mine")
    name = draft_id if named == "by id" else "mine"
    first: list[Answer] = []

    second = desk.dying(
        Intruder(call, lambda: first.append(desk.post(inbox, name, key="k1"))), lambda: desk.post(inbox, name, key="k1")
    )
    third = desk.post(inbox, name, key="k1")

    assert second is not None
    answers = [*first, second, third]
    assert {answer.status for answer in answers} <= {200, 409}
    assert_one_mail(desk, inbox, third)
    assert all(answer.body == third.body for answer in answers if answer.status == 200)


def test_two_requests_with_keys_of_their_own_send_one_mail(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox)
    first: list[Answer] = []

    second = desk.dying(
        Intruder(6, lambda: first.append(desk.post(inbox, draft_id, key="k1"))), lambda: desk.post(inbox, draft_id, key="k2")
    )

    assert second is not None
    assert second.status == 404
    assert_one_mail(desk, inbox, first[0])


def test_a_timer_set_for_a_change_that_came_to_nothing_does_not_stand_in_the_way_of_the_next(desk: DraftDesk, inbox: str) -> None:
    """Both changes make the same version of the draft."""
    draft_id = desk.draft(inbox, due_in=3 * HOUR)
    calls = ["SqliteItemStore.fetch", "TimerList.set"]
    executioner = Executioner(len(calls))
    desk.dying(executioner, lambda: desk.change(inbox, draft_id, send_at=desk.at(2 * HOUR)))
    assert executioner.calls == calls

    desk.change(inbox, draft_id, send_at=desk.at(HOUR))

    set_for = [name for _, name, _ in desk.timers.waiting]
    assert len(set(set_for)) == len(set_for) == 3
    desk.wait(HOUR)
    assert_one_mail(desk, inbox, died=True)
    desk.wait(3 * HOUR)
    assert len(desk.mailer.sent) == 1


@pytest.mark.parametrize("to", [30 * MINUTE, 2 * HOUR], ids=["earlier", "later"])
def test_a_rescheduled_draft_is_sent_at_its_new_time_only(desk: DraftDesk, inbox: str, to: int) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    old = [record(body) for body in desk.timers.waiting.values()]
    assert desk.change(inbox, draft_id, send_at=desk.at(to)).status == 200
    assert_tidy(desk, inbox)

    desk.wait(to - MINUTE)
    assert desk.fire(old) == []
    before = list(desk.mailer.sent)
    desk.wait(MINUTE)
    assert desk.fire(old) == []

    assert before == []
    assert_one_mail(desk, inbox)


def test_a_draft_moved_away_and_back_is_sent_at_the_time(desk: DraftDesk, inbox: str) -> None:
    draft_id, at = desk.draft(inbox, due_in=HOUR), desk.at(HOUR)
    for time in (at, desk.at(2 * HOUR), at):
        desk.change(inbox, draft_id, send_at=time)
    assert_tidy(desk, inbox)

    desk.wait(HOUR)

    assert_one_mail(desk, inbox)


def unscheduled(desk: DraftDesk, inbox: str, draft_id: str) -> int:
    return desk.change(inbox, draft_id, send_at=None).status


def deleted(desk: DraftDesk, inbox: str, draft_id: str) -> int:
    return desk.throw_away(inbox, draft_id).status


@pytest.mark.parametrize(("cancel", "status", "left"), [(unscheduled, 200, 1), (deleted, 204, 0)])
def test_a_draft_that_is_taken_back_is_not_sent(
    desk: DraftDesk, inbox: str, cancel: Callable[[DraftDesk, str, str], int], status: int, left: int
) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR, client_id="mine", text="long " * 20_000)
    firing = [record(body) for body in desk.timers.waiting.values()]

    answered = cancel(desk, inbox, draft_id)
    assert_tidy(desk, inbox)
    desk.settle()
    assert desk.fire(firing) == []

    assert (answered, desk.mailer.sent) == (status, [])
    drafts = [desk.shown(inbox, each["draft_id"]) for each in desk.drafts(inbox)]
    assert [(each["labels"], "send_at" in each, "send_status" in each) for each in drafts] == [([], False, False)] * left


def test_a_scheduled_draft_can_be_sent_by_hand_and_its_timer_finds_nothing(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    firing = [record(body) for body in desk.timers.waiting.values()]

    answer = desk.post(inbox, draft_id)
    message = assert_one_mail(desk, inbox, answer)
    desk.clock.advance(HOUR)
    assert desk.fire(firing) == []

    assert message["labels"] == ["sent"]
    assert_one_mail(desk, inbox, answer)


def test_an_edit_keeps_the_time(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR, **LETTER)
    desk.change(inbox, draft_id, text="Two, please")
    assert_tidy(desk, inbox)

    desk.wait(HOUR)

    assert_one_mail(desk, inbox)
    assert b"Two, please" in desk.mailer.sent[0].raw
