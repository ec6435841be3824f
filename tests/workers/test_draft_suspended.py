"""A draft whose time comes while its organization is suspended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.organizations.suspension import resume, suspend
from tests.support.draft_desk import MINUTE, DraftDesk, assert_one_mail, assert_tidy


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with DraftDesk() as desk:
        yield desk


def test_it_fails_and_says_why_and_is_not_sent_when_the_organization_is_resumed(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    draft_id = desk.draft(inbox, due_in=MINUTE)
    suspend(desk.o, items=desk.items, clock=desk.clock)
    desk.wait(MINUTE)

    resume(desk.o, items=desk.items)
    desk.settle()

    failed = desk.shown(inbox, draft_id)
    assert (failed["send_status"], failed["send_error"]["code"]) == ("failed", "forbidden")
    assert failed["send_error"]["message"] == "The organization is suspended"
    assert desk.messages(inbox) == desk.open_intents() == []
    assert_tidy(desk, inbox)


def test_one_that_is_due_after_the_resumption_is_sent(desk: DraftDesk) -> None:
    inbox = desk.warmed_up()
    desk.draft(inbox, due_in=2 * MINUTE)
    suspend(desk.o, items=desk.items, clock=desk.clock)
    desk.wait(MINUTE)
    resume(desk.o, items=desk.items)

    desk.wait(MINUTE)

    assert_one_mail(desk, inbox)
