"""Failure rows of drafts that are sent: killed at any call, tried again with a key, put right by the sweep or at a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mailroom.messages import handover
from mailroom.messages.handover import Post
from mailroom.messages.idempotency import LOCK_MS
from mailroom.messages.repair import recover
from tests.support.crashes import Executioner
from tests.support.desk import Answer
from tests.support.draft_desk import HOUR, MAKES_A_MAIL, MINUTE, DraftDesk, assert_one_mail, assert_tidy

FIVE_MINUTES = 5 * MINUTE
CALLS = [
    "SqliteItemStore.fetch",
    "SqliteItemStore.fetch",
    "MemoryBlobs.get",
    "MemoryBlobs.put",
    "MemoryBlobs.put",
    "SqliteItemStore.transact",
    "OutboxMailer.send",
    "SqliteItemStore.transact",
]
BEGIN, SEND = 6, 7
"""Numbers of calls."""
RESUMED = [
    "SqliteItemStore.fetch",
    "SqliteItemStore.get",
    "OutboxMailer.accepted",
    "MemoryBlobs.get",
    "SqliteItemStore.transact",
    "OutboxMailer.send",
    "SqliteItemStore.fetch",
    "SqliteItemStore.transact",
]
"""By a retry of what died before the mailer was asked."""
at_every_call = pytest.mark.parametrize("call", [side * number for number in range(1, len(CALLS) + 1) for side in (-1, 1)])


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[DraftDesk]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with DraftDesk() as desk:
        yield desk


def send_and_die(desk: DraftDesk, inbox: str, draft_id: str, call: int, key: str | None = None) -> Answer | None:
    return desk.dying(Executioner(call), lambda: desk.post(inbox, draft_id, key=key))


def fire_and_die(desk: DraftDesk, call: int) -> list[str] | None:
    return desk.dying(Executioner(call), desk.fire)


def seen(desk: DraftDesk, inbox: str, draft_id: str) -> dict[str, object]:
    """The draft without what changes with each version of it."""
    return {name: value for name, value in desk.row(inbox, draft_id).items() if name not in ("ver", "timer")}


def test_a_draft_that_a_caller_sends_makes_no_more_calls_than_are_tested(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    executioner = Executioner()

    answer = desk.dying(executioner, lambda: desk.post(inbox, draft_id))

    assert executioner.calls == CALLS
    assert_one_mail(desk, inbox, answer)


def test_a_due_draft_makes_no_more_calls_than_are_tested(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)
    executioner = Executioner()

    failed = desk.dying(executioner, desk.fire)

    assert failed == []
    assert executioner.calls == CALLS
    assert_one_mail(desk, inbox)


@pytest.mark.parametrize("due_in", [None, 2 * HOUR], ids=["plain", "scheduled"])
@at_every_call
def test_a_retry_with_the_key_after_a_kill_at_any_call_sends_one_mail(desk: DraftDesk, call: int, due_in: int | None) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, due_in=due_in)
    assert send_and_die(desk, inbox, draft_id, call, key="k1") is None
    desk.clock.advance(LOCK_MS)

    answer = desk.post(inbox, draft_id, key="k1")
    again = desk.post(inbox, draft_id, key="k1")

    assert again.body == answer.body
    assert_one_mail(desk, inbox, answer, died=True)


def test_a_retry_makes_no_more_calls_than_are_tested(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, -SEND, key="k1")
    desk.clock.advance(LOCK_MS)
    executioner = Executioner()

    answer = desk.dying(executioner, lambda: desk.post(inbox, draft_id, key="k1"))

    assert executioner.calls == RESUMED
    assert_one_mail(desk, inbox, answer)


@pytest.mark.parametrize("call", [side * number for number in range(1, len(RESUMED) + 1) for side in (-1, 1)])
def test_a_retry_that_is_killed_too_still_leads_to_one_mail(desk: DraftDesk, call: int) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, -SEND, key="k1")
    desk.clock.advance(LOCK_MS)
    assert send_and_die(desk, inbox, draft_id, call, key="k1") is None
    desk.clock.advance(LOCK_MS)

    answer = desk.post(inbox, draft_id, key="k1")

    assert_one_mail(desk, inbox, answer)


def test_a_retry_before_the_lock_ends_is_asked_to_wait(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, SEND, key="k1")

    answer = desk.post(inbox, draft_id, key="k1")

    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (409, "conflict", "1")


@pytest.mark.parametrize("key", [None, "k1"])
@at_every_call
def test_without_a_retry_the_draft_is_sent_or_given_back_as_it_was(desk: DraftDesk, call: int, key: str | None) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    before = seen(desk, inbox, draft_id)
    assert send_and_die(desk, inbox, draft_id, call, key=key) is None
    taken = bool(desk.mailer.sent)

    desk.settle()
    left = [seen(desk, inbox, each["draft_id"]) for each in desk.drafts(inbox)]
    answer = desk.post(inbox, draft_id, key=key) if not taken or key else None

    assert left == ([] if taken else [before])
    assert_one_mail(desk, inbox, answer, died=True)


@at_every_call
def test_without_a_retry_a_scheduled_draft_is_still_sent_when_it_is_due(desk: DraftDesk, call: int) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, due_in=30 * MINUTE)
    assert send_and_die(desk, inbox, draft_id, call) is None

    desk.settle()

    assert_one_mail(desk, inbox, died=True)


@pytest.mark.parametrize("redelivered", [True, False], ids=["redelivered", "lost"])
@at_every_call
def test_a_due_draft_whose_sender_is_killed_at_any_call_is_sent_once(desk: DraftDesk, call: int, redelivered: bool) -> None:
    inbox = desk.warmed_up()
    desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)
    firing = desk.fired()
    assert desk.dying(Executioner(call), lambda: desk.fire(firing)) is None

    if redelivered:
        assert desk.fire(firing) == []
    desk.settle()

    assert_one_mail(desk, inbox, died=True)


@pytest.mark.parametrize("call", [BEGIN, -SEND])
def test_a_caller_that_died_before_the_mail_went_out_gives_the_draft_back_after_five_minutes(desk: DraftDesk, call: int) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, call)

    desk.clock.advance(FIVE_MINUTES - MINUTE)
    desk.repair()
    sending = desk.shown(inbox, draft_id)
    desk.clock.advance(2 * MINUTE)
    desk.repair()
    back = desk.shown(inbox, draft_id)

    assert sending["send_status"] == "sending"
    assert "send_status" not in back
    assert_tidy(desk, inbox)


def test_a_claim_taken_over_by_a_retry_is_not_given_back_under_it(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, -SEND, key="k1")
    desk.clock.advance(FIVE_MINUTES)
    send = desk.mailer.send

    def swept_meanwhile(mail: object) -> str:
        desk.repair()
        return send(mail)  # type: ignore[arg-type]

    desk.mailer.send = swept_meanwhile  # type: ignore[method-assign]

    answer = desk.post(inbox, draft_id, key="k1")

    assert_one_mail(desk, inbox, answer)


@pytest.mark.parametrize("act", ["caller", "timer"])
@at_every_call
def test_a_restart_settles_an_interrupted_send_at_once(desk: DraftDesk, call: int, act: str) -> None:
    """On one machine: what the mailer took is stored, the rest is there to be sent again."""
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)
    firing = desk.fired()
    kill: dict[str, Callable[[], object]] = {"caller": lambda: desk.post(inbox, draft_id), "timer": lambda: desk.fire(firing)}
    assert desk.dying(Executioner(call), kill[act]) is None

    recover(Post.of(desk.runtime))
    left = [each["send_status"] for each in desk.drafts(inbox)]
    desk.fire(firing)
    desk.settle()

    assert left == ([] if desk.mailer.calls and abs(call) >= SEND and call != -SEND else ["scheduled"])
    assert_one_mail(desk, inbox, died=True)


def test_a_restart_also_ends_what_a_retry_had_taken_over(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox)
    send_and_die(desk, inbox, draft_id, -SEND, key="k1")
    desk.clock.advance(LOCK_MS)
    assert send_and_die(desk, inbox, draft_id, -6, key="k1") is None

    recover(Post.of(desk.runtime))

    assert "send_status" not in desk.shown(inbox, draft_id)
    assert desk.open_intents() == []
    assert_one_mail(desk, inbox, desk.post(inbox, draft_id, key="k1"))


def test_a_large_draft_of_many_versions_leaves_nothing(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, client_id="mine", labels=["offer"])
    for version in range(3):
        text = "".join(f"{version} {number} " for number in range(40_000))
        assert desk.change(inbox, draft_id, text=text, add_attachments=[{"content": "aGk="}]).status == 200
    assert_tidy(desk, inbox)

    answer = desk.post(inbox, draft_id)

    assert len(MAKES_A_MAIL["attachments"]) + 3 == len(assert_one_mail(desk, inbox, answer)["attachments"])
