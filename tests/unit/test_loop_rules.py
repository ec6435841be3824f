"""What is refused because it looks like two programs that answer each other (docs/loops.md)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mailroom.errors import LoopDetected
from mailroom.messages.loops import require_no_loop
from mailroom.messages.record import MessageRecord
from mailroom.threads import aggregate
from mailroom.threads.record import ThreadRecord
from mailroom.threads.window import HOUR_MS
from tests.support.mails import message_record

NOW = 485_000 * HOUR_MS + 60_000
AUTOMATIC = message_record(automatic="marked")


def thread(sent: int) -> ThreadRecord:
    made = aggregate.start(message_record(), now=NOW)
    for number in range(sent):
        made = aggregate.with_message(made, message_record(f"<{number}@x>", labels=("sent",), ts=NOW), now=NOW)
    return made


def ask(parent: MessageRecord | None = None, sent: int = 0, **given: Any) -> None:
    require_no_loop(parent, thread(sent), **{"answers": True, "forced": False, "now": NOW, "limit": 3, **given})


@pytest.mark.parametrize(("reason", "said"), [("marked", "by a program"), ("null-sender", "no return path"), ("own", "own mail")])
def test_an_answer_to_an_automatic_mail_is_refused_with_the_reason(reason: Any, said: str) -> None:
    with pytest.raises(LoopDetected, match=said) as refused:
        ask(message_record(automatic=reason))

    assert "force: true" in (refused.value.fix or "")


def test_who_insists_may_answer_an_automatic_mail() -> None:
    ask(AUTOMATIC, forced=True)


def test_an_automatic_mail_may_be_forwarded() -> None:
    ask(AUTOMATIC, answers=False)


def test_what_a_human_may_have_written_is_answered() -> None:
    ask(message_record(), sent=2)


@pytest.mark.parametrize("given", [{}, {"forced": True}, {"answers": False}])
def test_the_ceiling_of_a_thread_holds_for_forced_answers_and_forwards_too(given: dict[str, Any]) -> None:
    with pytest.raises(LoopDetected, match="3 messages an hour") as refused:
        ask(message_record(), sent=3, **given)

    assert "free again at 2025-04-30T09:20:00.000Z" in (refused.value.fix or "")


def test_the_ceiling_can_be_switched_off() -> None:
    ask(message_record(), sent=50, limit=0)


def test_a_thread_stored_before_there_was_a_ceiling_has_room() -> None:
    old = cast(ThreadRecord, {name: value for name, value in thread(9).items() if name != "sent_window"})

    require_no_loop(message_record(), old, answers=True, forced=False, now=NOW, limit=1)


def test_without_parent_and_thread_there_is_no_loop() -> None:
    require_no_loop(None, None, answers=True, forced=False, now=NOW, limit=1)
