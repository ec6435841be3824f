"""Rows about timers: one that fires twice, late, early, never, for nothing; and what callers do to a draft meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.drafts.due import COMMITTED_WITHIN_MS
from mailroom.inboxes.purge import purge_inbox
from mailroom.keys.credentials import secret_hash
from mailroom.store import due, keys
from mailroom.store.port import Delete, Set
from tests.support.desk import SECRET
from tests.support.draft_desk import HOUR, MINUTE, DraftDesk, assert_one_mail, assert_tidy, record

SECOND = 1000


@pytest.fixture
def desk() -> Iterator[DraftDesk]:
    with DraftDesk() as desk:
        yield desk


@pytest.fixture
def inbox(desk: DraftDesk) -> str:
    return desk.warmed_up()


def test_a_timer_sends_at_its_time_and_not_before(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)

    desk.wait(HOUR - SECOND)
    before = list(desk.mailer.sent)
    desk.wait(SECOND)

    assert before == []
    message = assert_one_mail(desk, inbox)
    assert message["labels"] == ["sent"]


def test_a_timer_that_fires_again_sends_nothing(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)
    firing = desk.fired()

    for _ in range(3):
        assert desk.fire(firing) == []
    desk.settle()

    assert_one_mail(desk, inbox)


def test_a_timer_that_fires_a_day_late_sends(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)

    desk.wait(25 * HOUR)

    assert_one_mail(desk, inbox)


def test_a_timer_that_fires_three_times_at_once_sends_once(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)
    desk.clock.advance(HOUR)
    firing, together = desk.fired(), threading.Barrier(3)

    def fire(_: int) -> list[str]:
        together.wait()
        return desk.fire(firing)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(fire, range(3)))

    assert answers == [[], [], []]
    assert_one_mail(desk, inbox)


def test_a_timer_that_fires_early_waits_on_to_the_exact_time(desk: DraftDesk, inbox: str) -> None:
    """As EventBridge Scheduler fires: what is left is waited out by a delay of the queue."""
    draft_id = desk.draft(inbox, due_in=HOUR)
    set_for = list(desk.timers.waiting)
    desk.clock.advance(HOUR - 90 * SECOND)

    assert desk.fire(early_ms=90 * SECOND) == []
    waits_on, status = list(desk.timers.waiting), desk.shown(inbox, draft_id)["send_status"]
    desk.wait(89 * SECOND)
    before = list(desk.mailer.sent)
    desk.wait(SECOND)

    assert (waits_on, status, before) == (set_for, "scheduled", [])
    assert_one_mail(desk, inbox)


# --- never ------------------------------------------------------------------------------------------------------------


def test_what_never_fired_is_found_by_the_hour(desk: DraftDesk, inbox: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "PAGE", 3)
    draft_ids = [desk.draft(inbox, due_in=HOUR) for _ in range(100)]
    later = desk.draft(inbox, due_in=2 * HOUR)
    kept = {key: body for key, body in desk.timers.waiting.items() if body["draft_id"] == later}
    desk.timers.waiting.clear()
    desk.timers.waiting.update(kept)
    desk.clock.advance(HOUR + 3 * MINUTE)

    found = desk.sweep()
    assert desk.fire() == []

    assert found == len(draft_ids)
    assert len(desk.mailer.sent) == len({mail.intent_id for mail in desk.mailer.sent}) == len(draft_ids)
    assert [each["draft_id"] for each in desk.drafts(inbox)] == [later]
    assert_tidy(desk, inbox)


def test_the_sweep_leaves_alone_what_is_about_to_fire_being_sent_or_failed(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)
    being_sent, failed = desk.draft(inbox, due_in=MINUTE), desk.draft(inbox, due_in=MINUTE, to=[])
    desk.wait(MINUTE - SECOND)
    desk.mailer.before.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        desk.post(inbox, being_sent)
    desk.clock.advance(SECOND)
    desk.fire()
    desk.clock.advance(59 * MINUTE + SECOND)

    found = desk.sweep()

    assert found == 0
    assert [desk.shown(inbox, each)["send_status"] for each in (being_sent, failed)] == ["sending", "failed"]


def test_the_sweep_drops_the_entry_of_a_draft_that_is_gone(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=HOUR)
    desk.items.transact([Delete(keys.draft(desk.o, inbox, draft_id))])
    desk.clock.advance(2 * HOUR)

    found = desk.sweep()

    assert found == 0
    assert not [key for key in desk.keys_of("idx") if key.pk.startswith("DRAFTS#DUE#")]


# --- for nothing ------------------------------------------------------------------------------------------------------


def test_a_timer_that_fires_before_its_draft_is_written_waits_for_it(desk: DraftDesk, inbox: str) -> None:
    put = desk.items.transact
    firing: list[Any] = []

    def fires_first(actions: Any) -> None:
        desk.clock.advance(SECOND)
        firing.extend(desk.fired())
        assert desk.fire(firing) == []
        firing.extend([(body, delay) for (_, body), delay in zip(desk.queues.messages, desk.queues.delays, strict=True)])
        put(actions)

    desk.items.transact = fires_first  # type: ignore[method-assign]
    desk.draft(inbox, due_in=SECOND // 2)
    desk.items.transact = put  # type: ignore[method-assign]

    assert desk.fire() == []

    assert firing[1][1] == 1
    assert_one_mail(desk, inbox)


def test_a_timer_whose_draft_was_never_written_is_forgotten_after_a_minute(desk: DraftDesk, inbox: str) -> None:
    draft_id = desk.draft(inbox, due_in=MINUTE)
    [body] = desk.timers.waiting.values()
    unknown = record({**body, "draft_id": "0190a6c0-5a00-7000-8000-000000000001", "set_at": desk.clock()})

    asked = []
    for wait in (0, COMMITTED_WITHIN_MS - SECOND, SECOND):
        desk.clock.advance(wait)
        assert desk.fire([unknown]) == []
        asked.append(len(desk.queues.messages))
        desk.queues.messages, desk.queues.delays = [], []

    assert asked == [1, 1, 0]
    assert desk.shown(inbox, draft_id)["send_status"] == "scheduled"


def test_a_timer_of_an_unknown_inbox_is_nothing(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=MINUTE)
    [body] = desk.timers.waiting.values()

    assert desk.fire([record({**body, "inbox_id": "nobody@mailroom.local"})]) == []

    assert desk.queues.messages == []


def test_one_record_of_a_batch_that_cannot_be_read_takes_no_other_along(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=MINUTE)
    desk.clock.advance(MINUTE)
    broken = {"messageId": "m", "body": "{}", "attributes": {}}

    failed = desk.fire([broken, *desk.fired()])

    assert failed == ["m"]
    assert_one_mail(desk, inbox)


def test_an_inbox_deleted_before_the_time_takes_its_drafts_along(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR, client_id="mine", text="long " * 20_000)
    for row in (keys.inbox(desk.o, inbox), keys.address(inbox)):
        desk.items.update(row, [Set("state", "deleting")])
    desk.clock.advance(HOUR)
    firing = desk.fired()

    assert desk.fire(firing) == []
    assert purge_inbox(desk.o, inbox, items=desk.items, blobs=desk.blobs, clock=desk.clock) is None
    assert desk.fire(firing) == []
    desk.sweep()

    assert desk.mailer.sent == []
    assert_tidy(desk, inbox)


def test_a_draft_is_sent_though_the_key_that_made_it_is_gone(desk: DraftDesk, inbox: str) -> None:
    desk.draft(inbox, due_in=HOUR)
    desk.items.transact([Delete(keys.api_key_secret(secret_hash(SECRET)))])

    desk.wait(HOUR)

    assert_one_mail(desk, inbox)
