"""What may be a loop when a scheduled draft is due (docs/loops.md): nobody is there to insist, so it fails and says why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.config import Config
from mailroom.store import keys
from tests.support.desk import mail
from tests.support.draft_desk import DraftDesk

CEILING = 2
MINUTE_MS = 60_000
PARENT = "<m1@example.com>"


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with DraftDesk(config=Config(thread_send_limit=CEILING)) as desk:
        yield desk


def scheduled(desk: DraftDesk, inbox: str, **given: Any) -> str:
    return desk.draft(inbox, text="x", due_in=MINUTE_MS, **({"to": []} | given))


def fall_due(desk: DraftDesk) -> None:
    desk.clock.advance(MINUTE_MS + 1000)
    assert desk.fire() == []


def error_of(desk: DraftDesk, inbox: str, draft_id: str) -> dict[str, Any]:
    row = desk.items.get(keys.draft(desk.o, inbox, draft_id))
    assert row is not None
    assert row["send_status"] == "failed"
    return dict(row["send_error"])


def test_an_answer_to_automatic_mail_fails(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(Auto_Submitted="auto-replied"), inbox))
    made = scheduled(desk, inbox, in_reply_to=PARENT)

    fall_due(desk)

    error = error_of(desk, inbox, made)
    assert (error["code"], desk.mailer.sent) == ("loop_detected", [])
    assert "force: true" in error["fix"]


def test_a_forced_one_goes_out(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(Auto_Submitted="auto-replied"), inbox))
    made = scheduled(desk, inbox, in_reply_to=PARENT, force=True)

    fall_due(desk)

    assert (desk.items.get(keys.draft(desk.o, inbox, made)), len(desk.mailer.sent)) == (None, 1)


@pytest.mark.parametrize("source", [{"in_reply_to": PARENT}, {"forward_of": PARENT, "to": ["bob@example.com"]}])
def test_one_that_is_due_in_a_full_thread_fails(desk: DraftDesk, source: dict[str, Any]) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(), inbox))
    made = scheduled(desk, inbox, force=True, **source)
    for _ in range(CEILING):
        desk.reply(inbox, PARENT, {"text": "x"})

    fall_due(desk)

    assert error_of(desk, inbox, made)["code"] == "loop_detected"
    assert len(desk.mailer.sent) == CEILING


def test_a_draft_takes_its_place_in_the_hour_of_its_thread(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.receive(desk.arrive(mail(), inbox))
    made = [scheduled(desk, inbox, in_reply_to=PARENT) for _ in range(CEILING)]

    fall_due(desk)

    assert [desk.items.get(keys.draft(desk.o, inbox, each)) for each in made] == [None] * CEILING
    assert desk.reply(inbox, PARENT, {"text": "x"}).body["code"] == "loop_detected"
