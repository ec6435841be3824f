"""An answer that arrives at any moment of a watching draft's life: it cancels the draft, or the mail was on its way before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.events import types
from mailroom.messages import handover
from tests.support.crashes import Executioner, Intruder
from tests.support.desk import mail
from tests.support.draft_desk import HOUR, MINUTE, DraftDesk, assert_one_mail, assert_tidy
from tests.support.dynamo import dynamo

SEND = [
    "SqliteItemStore.fetch",
    "SqliteItemStore.fetch",
    "MemoryBlobs.get",
    "MemoryBlobs.put",
    "MemoryBlobs.put",
    "SqliteItemStore.transact",
    "OutboxMailer.send",
    "SqliteItemStore.transact",
]
LOOKING = [*SEND[:2], "SqliteItemStore.fetch", "SqliteItemStore.batch_get", *SEND[2:]]
"""Where something has happened in the thread lately."""
CANCEL = [*["SqliteItemStore.fetch"] * 3, "SqliteItemStore.batch_get", "SqliteItemStore.transact"]
RECEIVE = 6
CREATE = 6
"""Numbers of calls; of the last one, which commits."""


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DraftDesk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with DraftDesk() as desk:
        yield desk


@pytest.fixture
def inbox(desk: DraftDesk) -> str:
    inbox = desk.warmed_up()
    desk.parent(inbox)
    return inbox


def follow_up(desk: DraftDesk, inbox: str, due_in: int = HOUR) -> str:
    return desk.draft(inbox, to=None, in_reply_to="<m1@example.com>", cancel_on="reply", due_in=due_in)


def answer(desk: DraftDesk, inbox: str, number: int = 2, sender: str = "ann@example.com") -> None:
    raw = mail(message_id=f"<m{number}@example.com>", in_reply_to="<m1@example.com>", sender=sender, to=inbox)
    assert desk.receive(desk.arrive(raw, inbox)) == []


def outcome(desk: DraftDesk, inbox: str) -> str:
    assert_tidy(desk, inbox, died=True)
    drafts = [desk.shown(inbox, each["draft_id"]) for each in desk.drafts(inbox)]
    cancelled = [each["draft_id"] for each in drafts if "cancelled_at" in each]
    assert len(desk.events(inbox, types.DRAFT_CANCELLED)) == len(cancelled)
    assert len(cancelled) + len(desk.mailer.sent) == 1
    return "cancelled" if cancelled else "sent"


@pytest.mark.parametrize("lately", [False, True], ids=["quiet thread", "lively thread"])
@pytest.mark.parametrize("call", range(1, len(LOOKING) + 1))
def test_an_answer_between_any_two_calls_of_the_timer_cancels_unless_the_draft_was_claimed(
    desk: DraftDesk, inbox: str, call: int, lately: bool
) -> None:
    calls = LOOKING if lately else SEND
    desk.clock.advance(2 * MINUTE)
    follow_up(desk, inbox)
    if lately:
        answer(desk, inbox, 9, "stranger@example.com")
    desk.clock.advance(HOUR)
    claimed: list[bool] = []

    def arrive() -> None:
        answer(desk, inbox)
        claimed.append(any(each.get("send_status") == "sending" for each in desk.drafts(inbox)))

    intruder = Intruder(call, arrive)

    assert desk.dying(intruder, desk.fire) == []

    assert intruder.calls == calls[: call - 1] + intruder.calls[call - 1 :]
    assert claimed == ([call > calls.index("SqliteItemStore.transact") + 1] if call <= len(calls) else [])
    assert outcome(desk, inbox) == ("cancelled" if claimed == [False] else "sent")


@pytest.mark.parametrize("call", [SEND.index("SqliteItemStore.transact") + 1, SEND.index("OutboxMailer.send") + 1])
def test_an_answer_right_before_or_behind_the_claim_is_told_apart_on_dynamodb_too(call: int) -> None:
    with dynamo() as made, DraftDesk(made.items) as desk:
        inbox = desk.warmed_up()
        desk.parent(inbox)
        desk.clock.advance(2 * MINUTE)
        draft_id = follow_up(desk, inbox)
        desk.clock.advance(HOUR)

        assert desk.dying(Intruder(call, lambda: answer(desk, inbox)), desk.fire) == []

        before = SEND[call - 1] == "SqliteItemStore.transact"
        assert len(desk.mailer.sent) == (0 if before else 1)
        assert [each["draft_id"] for each in desk.drafts(inbox)] == ([draft_id] if before else [])
        assert len(desk.events(inbox, types.DRAFT_CANCELLED)) == (1 if before else 0)


@pytest.mark.parametrize("call", range(1, len(CANCEL) + 1))
def test_an_edit_while_the_timer_cancels_changes_nothing_about_that(desk: DraftDesk, inbox: str, call: int) -> None:
    draft_id = follow_up(desk, inbox)
    answer(desk, inbox)
    desk.clock.advance(HOUR)
    intruder = Intruder(call, lambda: desk.change(inbox, draft_id, subject="Another", add_labels=["offer"]))

    assert desk.dying(intruder, desk.fire) == []

    assert intruder.acted
    shown = desk.shown(inbox, draft_id)
    assert (shown["subject"], shown["labels"]) == ("Another", ["offer"])
    assert outcome(desk, inbox) == "cancelled"


@pytest.mark.parametrize("call", range(1, len(CANCEL) + 1))
def test_a_reschedule_while_the_timer_cancels_is_cancelled_at_its_own_time(desk: DraftDesk, inbox: str, call: int) -> None:
    draft_id = follow_up(desk, inbox)
    answer(desk, inbox)
    desk.clock.advance(HOUR)

    desk.dying(Intruder(call, lambda: desk.change(inbox, draft_id, send_at=desk.at(HOUR))), desk.fire)
    status = desk.shown(inbox, draft_id)["send_status"]
    desk.wait(HOUR)

    assert (status, outcome(desk, inbox)) == ("scheduled", "cancelled")


def test_a_caller_who_sends_while_the_timer_cancels_wins(desk: DraftDesk, inbox: str) -> None:
    draft_id = follow_up(desk, inbox)
    answer(desk, inbox)
    desk.clock.advance(HOUR)

    desk.dying(Intruder(len(CANCEL), lambda: desk.post(inbox, draft_id)), desk.fire)

    assert_one_mail(desk, inbox)
    assert desk.events(inbox, types.DRAFT_CANCELLED) == []


@pytest.mark.parametrize("call", range(1, RECEIVE + 1))
def test_an_answer_that_is_being_stored_while_the_draft_is_made_cancels_it(desk: DraftDesk, inbox: str, call: int) -> None:
    """It is no older than the draft, though it may have its time from before."""
    raw = mail(message_id="<m2@example.com>", in_reply_to="<m1@example.com>", to=inbox)
    record = desk.arrive(raw, inbox)

    def make() -> None:
        desk.clock.advance(MINUTE // 2)
        follow_up(desk, inbox)

    intruder = Intruder(call, make)
    assert desk.dying(intruder, lambda: desk.receive(record)) == []

    desk.wait(HOUR)

    assert intruder.acted
    assert outcome(desk, inbox) == "cancelled"


@pytest.mark.parametrize("call", range(1, CREATE + 1))
def test_an_answer_that_is_stored_while_the_draft_is_made_is_known_to_it_or_cancels_it(
    desk: DraftDesk, inbox: str, call: int
) -> None:
    intruder = Intruder(call, lambda: answer(desk, inbox))
    body = {"in_reply_to": "<m1@example.com>", "cancel_on": "reply", "send_at": desk.at(HOUR), "attachments": [{"content": "aGk="}]}
    desk.dying(intruder, lambda: desk.create(inbox, **body))
    [draft] = desk.drafts(inbox)

    desk.wait(HOUR)

    assert intruder.acted
    assert ("<m2@example.com>" in draft["watch"]["known"]) == (outcome(desk, inbox) == "sent") == (call <= 2)


def test_an_answer_while_a_put_off_draft_waits_cancels_it(desk: DraftDesk, inbox: str) -> None:
    """Its first attempt was before the answer, its second would be after."""
    follow_up(desk, inbox)
    desk.clock.advance(HOUR)
    firing = desk.fired()
    desk.dying(Executioner(-7), lambda: desk.fire(firing))
    answer(desk, inbox)

    desk.settle()

    assert outcome(desk, inbox) == "cancelled"


def test_a_thread_in_which_something_happens_again_and_again_does_not_lose_the_draft(desk: DraftDesk, inbox: str) -> None:
    follow_up(desk, inbox)
    desk.clock.advance(HOUR)
    firing, put, number = desk.fired(), desk.items.transact, 10

    def busy(actions: object) -> None:
        nonlocal number
        number += 1
        desk.items.transact = put  # type: ignore[method-assign]
        answer(desk, inbox, number, "stranger@example.com")
        desk.items.transact = busy  # type: ignore[method-assign,assignment]
        put(actions)  # type: ignore[arg-type]

    desk.items.transact = busy  # type: ignore[method-assign,assignment]
    failed = desk.fire(firing)
    desk.items.transact = put  # type: ignore[method-assign]
    status = desk.shown(inbox, firing[0]["messageId"])["send_status"]
    desk.fire(firing)

    assert (failed, status) == ([firing[0]["messageId"]], "scheduled")
    assert outcome(desk, inbox) == "sent"
