"""Reply, reply-all and forward killed at any call: a retry with the key, the sweep or a restart leads to one mail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.messages import handover
from mailroom.messages.handover import Post
from mailroom.messages.idempotency import LOCK_MS
from mailroom.messages.repair import recover
from tests.support.crashes import Executioner
from tests.support.desk import Answer
from tests.support.draft_desk import FILE, HOUR, DraftDesk, assert_one_mail

PARENT = "<m1@example.com>"
REPLY = [
    "SqliteItemStore.fetch",
    "SqliteItemStore.fetch",
    "MemoryBlobs.put",
    "MemoryBlobs.put",
    "SqliteItemStore.transact",
    "OutboxMailer.send",
    "SqliteItemStore.transact",
]
CALLS = {"reply_to_message": REPLY, "reply_all_to_message": REPLY, "forward_message": REPLY}
SEND = 6

at_every_call = pytest.mark.parametrize(
    ("function", "call"),
    [(function, side * number) for function, calls in CALLS.items() for number in range(1, len(calls) + 1) for side in (-1, 1)],
)


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


def answer(desk: DraftDesk, inbox: str, function: str, key: str | None = "k1") -> Answer:
    body = {"text": "Yes", "attachments": [FILE]} | ({"to": ["bob@example.com"]} if function == "forward_message" else {})
    return desk.reply(inbox, PARENT, body, key=key, function=function)


@pytest.mark.parametrize("function", CALLS)
def test_an_answer_makes_no_more_calls_than_are_tested(desk: DraftDesk, inbox: str, function: str) -> None:
    executioner = Executioner()

    given = desk.dying(executioner, lambda: answer(desk, inbox, function))

    assert executioner.calls == CALLS[function]
    assert_one_mail(desk, inbox, given)


@at_every_call
def test_a_retry_with_the_key_after_a_kill_at_any_call_sends_one_mail(
    desk: DraftDesk, inbox: str, function: str, call: int
) -> None:
    assert desk.dying(Executioner(call), lambda: answer(desk, inbox, function)) is None
    desk.clock.advance(LOCK_MS)

    given = answer(desk, inbox, function)
    again = answer(desk, inbox, function)

    assert again.body == given.body
    message = assert_one_mail(desk, inbox, given, died=True)
    assert [thread["total"] for thread in desk.threads(inbox)] == [2]
    assert message["references"] == [PARENT]


@at_every_call
def test_without_a_key_what_went_out_is_stored_and_nothing_else(desk: DraftDesk, inbox: str, function: str, call: int) -> None:
    assert desk.dying(Executioner(call), lambda: answer(desk, inbox, function, None)) is None
    taken = len(desk.mailer.sent)

    desk.settle()
    desk.clock.advance(24 * HOUR)
    desk.repair()

    assert len(desk.mailer.sent) == taken
    assert len([each for each in desk.messages(inbox) if "sent" in each["labels"]]) == taken
    assert desk.open_intents() == []


@at_every_call
def test_a_restart_settles_an_interrupted_answer_at_once(desk: DraftDesk, inbox: str, function: str, call: int) -> None:
    assert desk.dying(Executioner(call), lambda: answer(desk, inbox, function)) is None

    recover(Post.of(desk.runtime))

    assert_one_mail(desk, inbox, answer(desk, inbox, function), died=True)


def test_a_restart_also_ends_what_a_retry_had_taken_over(desk: DraftDesk, inbox: str) -> None:
    desk.dying(Executioner(-SEND), lambda: answer(desk, inbox, "reply_to_message"))
    desk.clock.advance(LOCK_MS)
    executioner = Executioner(-SEND)
    desk.dying(executioner, lambda: answer(desk, inbox, "reply_to_message"))
    assert executioner.calls[-1] == "OutboxMailer.send"

    recover(Post.of(desk.runtime))

    assert_one_mail(desk, inbox, answer(desk, inbox, "reply_to_message"))
