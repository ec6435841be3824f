"""Drafts killed at any call while they are created, changed, deleted or cancelled: nothing is scheduled without a timer, and a
timer without its draft does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailroom.events import types
from tests.support.crashes import Executioner
from tests.support.desk import Answer, mail
from tests.support.draft_desk import HOUR, MAKES_A_MAIL, MINUTE, DraftDesk, assert_one_mail, assert_tidy

LONG = "long " * 40_000
CREATE = ["SqliteItemStore.fetch", "MemoryBlobs.put", "TimerList.set", "SqliteItemStore.transact"]
CREATE_WATCHING = [*CREATE[:1], "SqliteItemStore.fetch", "SqliteItemStore.batch_get", *CREATE[1:]]
RESCHEDULE = ["SqliteItemStore.fetch", "TimerList.set", "SqliteItemStore.transact", "MemoryBlobs.delete"]
UNSCHEDULE = ["SqliteItemStore.fetch", "SqliteItemStore.transact", "MemoryBlobs.delete"]
DELETE = ["SqliteItemStore.fetch", "SqliteItemStore.transact"]
CANCEL = [*["SqliteItemStore.fetch"] * 3, "SqliteItemStore.batch_get", "SqliteItemStore.transact"]


def each(calls: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", [side * number for number in range(1, len(calls) + 1) for side in (-1, 1)])


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with DraftDesk() as desk:
        yield desk


@pytest.fixture
def inbox(desk: DraftDesk) -> str:
    return desk.warmed_up()


def create(desk: DraftDesk, inbox: str) -> Answer:
    return desk.create(inbox, **MAKES_A_MAIL, client_id="mine", send_at=desk.at(HOUR))


def reschedule(desk: DraftDesk, inbox: str) -> Answer:
    return desk.change(inbox, "mine", send_at=desk.at(30 * MINUTE), subject="Sooner")


def unschedule(desk: DraftDesk, inbox: str) -> Answer:
    return desk.change(inbox, "mine", send_at=None)


def delete(desk: DraftDesk, inbox: str) -> Answer:
    return desk.throw_away(inbox, "mine")


def replied(desk: DraftDesk, inbox: str) -> str:
    """A draft that is due, and whose answer has come."""
    draft_id = desk.draft(inbox, in_reply_to=desk.parent(inbox), to=None, cancel_on="reply", due_in=HOUR)
    answer = mail(message_id="<m2@example.com>", in_reply_to="<m1@example.com>", to=inbox)
    assert desk.receive(desk.arrive(answer, inbox)) == []
    desk.clock.advance(HOUR)
    return draft_id


def test_a_create_makes_no_more_calls_than_are_tested(desk: DraftDesk, inbox: str) -> None:
    executioner = Executioner()

    desk.dying(executioner, lambda: create(desk, inbox))

    assert executioner.calls == CREATE


def test_a_create_that_watches_a_thread_makes_no_more_calls_than_are_tested(desk: DraftDesk, inbox: str) -> None:
    parent, executioner = desk.parent(inbox), Executioner()
    body = {**MAKES_A_MAIL, "in_reply_to": parent, "cancel_on": "reply", "send_at": desk.at(HOUR)}

    desk.dying(executioner, lambda: desk.create(inbox, **body))

    assert executioner.calls == CREATE_WATCHING


@pytest.mark.parametrize(
    ("change", "calls"), [(reschedule, RESCHEDULE), (unschedule, UNSCHEDULE), (delete, DELETE)], ids=lambda each: ""
)
def test_a_change_makes_no_more_calls_than_are_tested(
    desk: DraftDesk, inbox: str, change: Callable[[DraftDesk, str], Answer], calls: list[str]
) -> None:
    create(desk, inbox)
    executioner = Executioner()

    desk.dying(executioner, lambda: change(desk, inbox))

    # One trip more because the draft is named by its client id.
    assert executioner.calls == [calls[0], *calls]


def test_a_cancellation_makes_no_more_calls_than_are_tested(desk: DraftDesk, inbox: str) -> None:
    replied(desk, inbox)
    executioner = Executioner()

    desk.dying(executioner, desk.fire)

    assert executioner.calls == CANCEL


@each(CREATE)
def test_a_create_that_is_killed_schedules_a_draft_with_a_timer_or_none(desk: DraftDesk, inbox: str, call: int) -> None:
    assert desk.dying(Executioner(call), lambda: create(desk, inbox)) is None

    assert_tidy(desk, inbox, died=True)
    created = len(desk.drafts(inbox))
    desk.wait(HOUR)

    assert created == (1 if call == len(CREATE) else 0)
    assert (len(desk.mailer.sent), len(desk.drafts(inbox)), desk.queues.messages) == (created, 0, [])


@each(CREATE)
def test_a_create_that_is_tried_again_under_its_client_id_sends_one_mail(desk: DraftDesk, inbox: str, call: int) -> None:
    desk.dying(Executioner(call), lambda: create(desk, inbox))

    again = create(desk, inbox)
    assert_tidy(desk, inbox, died=True)
    desk.wait(HOUR + MINUTE)

    assert again.status == 200
    assert_one_mail(desk, inbox, died=True)


@pytest.mark.parametrize("again", [True, False], ids=["tried again", "left"])
@each([RESCHEDULE[0], *RESCHEDULE])
def test_a_reschedule_that_is_killed_leads_to_one_mail_at_the_committed_time(
    desk: DraftDesk, inbox: str, call: int, again: bool
) -> None:
    create(desk, inbox)
    assert desk.dying(Executioner(call), lambda: reschedule(desk, inbox)) is None
    if again:
        assert reschedule(desk, inbox).status == 200
    assert_tidy(desk, inbox, died=True)
    [draft] = desk.drafts(inbox)

    desk.wait(draft["due"] - desk.clock() - MINUTE)
    before = list(desk.mailer.sent)
    desk.wait(MINUTE)

    assert before == []
    assert assert_one_mail(desk, inbox, died=True)["subject"] == draft["subject"]
    desk.wait(HOUR)
    assert len(desk.mailer.sent) == 1


@pytest.mark.parametrize(("change", "status"), [(unschedule, 200), (delete, 204)], ids=["unscheduled", "deleted"])
@each([UNSCHEDULE[0], *UNSCHEDULE])
def test_a_draft_taken_back_by_a_second_try_is_not_sent(
    desk: DraftDesk, inbox: str, call: int, change: Callable[[DraftDesk, str], Answer], status: int
) -> None:
    create(desk, inbox)
    desk.dying(Executioner(call), lambda: change(desk, inbox))

    answer = change(desk, inbox)
    assert_tidy(desk, inbox)
    desk.settle()

    assert answer.status in (status, 404)
    assert desk.mailer.sent == []
    assert_tidy(desk, inbox)


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
@each(CANCEL)
def test_a_cancellation_that_is_killed_happens_once(desk: DraftDesk, inbox: str, call: int, redelivered: bool) -> None:
    draft_id = replied(desk, inbox)
    firing = desk.fired()
    assert desk.dying(Executioner(call), lambda: desk.fire(firing)) is None

    if redelivered:
        desk.fire(firing)
    desk.settle()

    assert desk.shown(inbox, draft_id)["cancel_reason"] == "reply"
    assert len(desk.events(inbox, types.DRAFT_CANCELLED)) == 1
    assert desk.mailer.sent == []
    assert_tidy(desk, inbox)


def test_a_timer_that_cannot_be_set_leaves_nothing(desk: DraftDesk, inbox: str) -> None:
    desk.timers.failures.append(OSError("scheduler away"))

    answer = desk.create(inbox, **{**MAKES_A_MAIL, "text": LONG}, client_id="mine", send_at=desk.at(HOUR))

    assert (answer.status, answer.body["code"]) == (503, "service_unavailable")
    assert desk.drafts(inbox) == []
    assert_tidy(desk, inbox)


def test_a_timer_that_cannot_be_set_leaves_a_draft_as_it_was(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    before = desk.shown(inbox, draft_id)
    desk.timers.failures.append(OSError("scheduler away"))

    answer = desk.change(inbox, draft_id, send_at=desk.at(2 * HOUR))

    assert (answer.status, desk.shown(inbox, draft_id)) == (503, before)
    assert_tidy(desk, inbox)


def test_a_timer_that_cannot_be_taken_back_fires_for_nothing(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    desk.throw_away(inbox, draft_id)
    desk.timers.failures.append(OSError("scheduler away"))
    assert_tidy(desk, inbox, died=True)

    fired = desk.wait(HOUR)

    assert (fired, desk.mailer.sent, desk.queues.messages) == ([], [], [])
