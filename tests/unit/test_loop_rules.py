"""What is refused because it looks like two programs that answer each other (docs/loops.md)."""

from __future__ import annotations

from typing import Any, cast

import pytest

from mailroom.errors import LoopDetected
from mailroom.messages.loops import require_no_loop
from mailroom.messages.record import Automatic
from mailroom.threads import aggregate
from mailroom.threads.record import ThreadRecord
from mailroom.threads.window import HOUR_MS
from tests.support.mails import message_record

NOW = 485_000 * HOUR_MS + 60_000


def thread(sent: int) -> ThreadRecord:
    made = aggregate.start(message_record(), now=NOW)
    for number in range(sent):
        made = aggregate.with_message(made, message_record(f"<{number}@x>", labels=("sent",), ts=NOW), now=NOW)
    return made


def ask(automatic: Automatic | None = None, sent: int = 0, **given: Any) -> None:
    require_no_loop(automatic, thread(sent), **{"forced": False, "now": NOW, "limit": 3, **given})


@pytest.mark.parametrize(("reason", "said"), [("marked", "by a program"), ("null-sender", "no return path"), ("own", "own mail")])
def test_an_answer_to_an_automatic_mail_is_refused_with_the_reason(reason: Any, said: str) -> None:
    with pytest.raises(LoopDetected, match=said) as refused:
        ask(reason)

    assert "force: true" in (refused.value.fix or "")


def test_who_insists_may_answer_an_automatic_mail() -> None:
    ask("marked", forced=True)


def test_what_a_human_may_have_written_is_answered() -> None:
    ask(sent=2)


@pytest.mark.parametrize("given", [{}, {"forced": True}])
def test_the_ceiling_of_a_thread_holds_for_forced_answers_too(given: dict[str, Any]) -> None:
    with pytest.raises(LoopDetected, match="3 messages an hour") as refused:
        ask(sent=3, **given)

    assert "free again at 2025-04-30T09:20:00.000Z" in (refused.value.fix or "")


def test_the_ceiling_can_be_switched_off() -> None:
    ask(sent=50, limit=0)


def test_a_thread_stored_before_there_was_a_ceiling_has_room() -> None:
    old = cast(ThreadRecord, {name: value for name, value in thread(9).items() if name != "sent_window"})

    require_no_loop(None, old, forced=False, now=NOW, limit=1)


def test_without_a_mark_and_a_thread_there_is_no_loop() -> None:
    require_no_loop(None, None, forced=False, now=NOW, limit=1)
