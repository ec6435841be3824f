"""Recipients that were counted where a send began, given back where it ended without a mail, exact in between, drafts too."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.clock import to_wire
from mailroom.config import Config
from mailroom.messages import handover
from mailroom.messages.handover import Post
from mailroom.messages.idempotency import LOCK_MS
from mailroom.messages.repair import EXPIRES_MS, recover
from mailroom.ports import MailerRefused, MailerThrottled
from mailroom.store import keys
from mailroom.store.meter import metered
from mailroom.store.port import Set, StoreBusy
from tests.support.crashes import Executioner, Killed
from tests.support.desk import Answer
from tests.support.draft_desk import DraftDesk
from tests.support.quotas import (
    BODY,
    DAY_MS,
    HOUR_MS,
    LIMITS,
    RECIPIENTS,
    THIS_MONTH,
    TODAY,
    assert_exceeded,
    counted,
    desks,
    send_all,
    to,
)


@pytest.fixture
def open_desk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., DraftDesk]]:
    monkeypatch.setattr(handover, "NOTICE_WAITS_S", ())
    with desks() as opened:
        yield opened


@pytest.fixture
def desk(open_desk: Callable[..., DraftDesk]) -> DraftDesk:
    return open_desk()


# --- what is given back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", [None, "k1"])
@pytest.mark.parametrize("failure", [MailerThrottled(3), MailerRefused("Virus found"), StoreBusy("disk full")])
def test_a_mail_that_was_not_taken_does_not_count(desk: DraftDesk, failure: Exception, key: str | None) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 2)
    desk.mailer.before.append(failure)

    refused = desk.send(inbox, BODY, key=key)
    desk.clock.advance(LOCK_MS)
    desk.work("messages.repair_sends", {})
    recover(Post.of(desk.runtime))

    assert refused.status in (403, 429, 503)
    assert counted(desk) == {TODAY: 2, THIS_MONTH: 2}


def test_a_send_that_is_refused_by_the_checks_does_not_count(desk: DraftDesk) -> None:
    inbox = desk.inbox(status="paused")

    desk.send(inbox, BODY)

    assert counted(desk) == {}


def test_what_is_given_up_is_given_back_to_the_day_that_it_came_from(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    desk.mailer.before.append(TimeoutError("nobody knows"))
    desk.send(inbox, BODY)
    began = counted(desk)

    desk.clock.advance(EXPIRES_MS + 1000)
    desk.send(inbox, to("a"))
    assert desk.work("messages.repair_sends", {}) == {"settled": 1}

    assert began == {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS}
    assert counted(desk) == {TODAY: 0, "2025-06-17": 1, THIS_MONTH: 1}


def test_a_mail_counts_though_its_inbox_is_deleted_while_it_goes_out(desk: DraftDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    inbox = desk.inbox()
    send = desk.mailer.send

    def deleted_meanwhile(outgoing: Any) -> str:
        desk.items.update(keys.inbox(desk.o, inbox), [Set("state", "deleting")])
        return send(outgoing)

    monkeypatch.setattr(desk.mailer, "send", deleted_meanwhile)

    assert desk.send(inbox, BODY).status == 200
    assert desk.open_intents() == []
    assert counted(desk) == {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS}


# --- once ---------------------------------------------------------------------------------------------------------------


def test_a_replay_with_a_key_does_not_count_again_and_needs_no_room(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    first = desk.send(inbox, BODY, key="k1")
    send_all(desk, inbox, 7)

    again = desk.send(inbox, BODY, key="k1")

    assert (again.status, again.body) == (200, first.body)
    assert counted(desk) == {TODAY: 10, THIS_MONTH: 10}


def test_a_refusal_leaves_the_key_free(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    send_all(desk, inbox, 10)

    refused = desk.send(inbox, to("a"), key="k1")
    desk.clock.advance(DAY_MS)
    other = desk.send(inbox, to("b"), key="k1")

    assert (refused.status, other.status) == (429, 200)


def test_requests_that_lose_their_key_to_another_do_not_count(desk: DraftDesk) -> None:
    inbox = desk.inbox()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: desk.send(inbox, BODY, key="k1"), range(8)))

    assert {answer.status for answer in answers} <= {200, 409}
    assert counted(desk) == {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS}


@pytest.mark.parametrize("recipients", [1, 3])
def test_of_a_hundred_at_once_exactly_as_many_go_out_as_fit(open_desk: Callable[..., DraftDesk], recipients: int) -> None:
    desk = open_desk(Config(daily_send_limit=50, monthly_send_limit=70))
    inbox = desk.inbox()
    body = to(*(f"r{number}" for number in range(recipients)))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: desk.send(inbox, body), range(100)))

    fit = 50 // recipients
    assert sorted(answer.status for answer in answers) == [200] * fit + [429] * (100 - fit)
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 429)
    assert len(desk.mailer.sent) == fit
    assert counted(desk) == {TODAY: fit * recipients, THIS_MONTH: fit * recipients}
    kept = {key for key in desk.blobs.content if not key.startswith("ses/")}
    assert len(kept) == fit


def test_the_provider_may_refuse_some_of_a_hundred(open_desk: Callable[..., DraftDesk]) -> None:
    desk = open_desk(Config(daily_send_limit=1000, monthly_send_limit=1000))
    inbox = desk.inbox()
    desk.mailer.before += [MailerThrottled(1) for _ in range(40)]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: desk.send(inbox, BODY), range(100)))

    assert sum(answer.status == 200 for answer in answers) == 60
    assert counted(desk) == {TODAY: 60 * RECIPIENTS, THIS_MONTH: 60 * RECIPIENTS}


# --- killed -------------------------------------------------------------------------------------------------------------

CALLS = 5
REFUSED_CALLS = 7


def warmed_up(desk: DraftDesk) -> str:
    """So that all runs make the same calls."""
    inbox = desk.inbox()
    desk.send(inbox, {})
    desk.note_key_use()
    return inbox


def send_and_die(desk: DraftDesk, inbox: str, executioner: Executioner) -> Answer | None:
    alive = desk.runtime
    watched = {name: executioner.watch(getattr(alive, name)) for name in ("items", "blobs", "mailer")}
    desk.runtime = dataclasses.replace(alive, **watched)
    try:
        return desk.send(inbox, BODY, key="k1")
    except Killed:
        return None
    finally:
        desk.runtime = alive


def assert_between_sent_and_begun(desk: DraftDesk, began: int) -> None:
    sent = len(desk.mailer.sent) * RECIPIENTS
    assert all(sent <= count <= began * RECIPIENTS for count in counted(desk).values())
    assert sent == 0 or counted(desk)


def test_no_more_calls_are_made_than_are_tested(open_desk: Callable[..., DraftDesk]) -> None:
    calls = []
    for failures in ([], [MailerRefused("no")]):
        desk, executioner = open_desk(), Executioner()
        inbox = warmed_up(desk)
        desk.mailer.before += failures
        send_and_die(desk, inbox, executioner)
        calls.append(len(executioner.calls))

    assert calls == [CALLS, REFUSED_CALLS]


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_send_that_is_killed_counts_if_it_began_and_a_retry_does_not_count_again(desk: DraftDesk, call: int, side: int) -> None:
    inbox = warmed_up(desk)

    assert send_and_die(desk, inbox, Executioner(call * side)) is None
    assert_between_sent_and_begun(desk, 1)
    desk.clock.advance(LOCK_MS)
    desk.send(inbox, BODY, key="k1")

    assert counted(desk) == {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS}
    assert len(desk.mailer.sent) == 1


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_after_a_restart_exactly_what_was_sent_is_counted(desk: DraftDesk, call: int, side: int) -> None:
    inbox = warmed_up(desk)
    send_and_die(desk, inbox, Executioner(call * side))

    recover(Post.of(desk.runtime))

    assert sum(counted(desk).values()) == 2 * RECIPIENTS * len(desk.mailer.sent)


@pytest.mark.parametrize("side", [-1, 1], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, REFUSED_CALLS + 1))
def test_a_refused_send_that_is_killed_is_given_back_once(desk: DraftDesk, call: int, side: int) -> None:
    inbox = warmed_up(desk)
    send_all(desk, inbox, 2)
    desk.mailer.before.append(MailerRefused("Virus found"))

    send_and_die(desk, inbox, Executioner(call * side))
    between = counted(desk)
    for _ in range(2):
        recover(Post.of(desk.runtime))

    assert all(2 <= count <= 2 + RECIPIENTS for count in between.values())
    assert counted(desk) == {TODAY: 2, THIS_MONTH: 2}


# --- drafts -------------------------------------------------------------------------------------------------------------


def test_a_draft_counts_when_it_is_sent(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    made = desk.draft(inbox, **BODY)
    before = counted(desk)

    assert desk.post(inbox, made).status == 200
    assert (before, counted(desk)) == ({}, {TODAY: RECIPIENTS, THIS_MONTH: RECIPIENTS})


def test_a_draft_over_the_limit_is_refused_and_stays(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    made = desk.draft(inbox, **BODY)
    send_all(desk, inbox, 8)

    assert_exceeded(desk.post(inbox, made), "Daily", 12 * 3600)
    kept = desk.items.get(keys.draft(desk.o, inbox, made))
    assert kept is not None
    assert "send_status" not in kept


def test_a_draft_that_the_provider_refuses_does_not_count(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    made = desk.draft(inbox, **BODY)
    desk.mailer.before.append(MailerRefused("Virus found"))

    assert desk.post(inbox, made).status == 403
    assert set(counted(desk).values()) == {0}
    assert desk.items.get(keys.draft(desk.o, inbox, made)) is not None


def test_sending_a_draft_with_limits_takes_no_more_trips(open_desk: Callable[..., DraftDesk]) -> None:
    trips = []
    for config in (Config(), LIMITS):
        desk = open_desk(config)
        inbox = warmed_up(desk)
        made = desk.draft(inbox, **BODY)
        with metered() as meter:
            assert desk.post(inbox, made).status == 200
        trips.append(meter.trips)

    assert trips[0] == trips[1]


def test_a_scheduled_draft_that_finds_no_room_is_tried_again_and_then_failed(desk: DraftDesk) -> None:
    inbox = desk.inbox()
    made = desk.draft(inbox, **BODY, send_at=to_wire(desk.clock() + HOUR_MS))
    send_all(desk, inbox, 8)

    statuses = []
    for wait in (HOUR_MS + 1000, 120_000, 480_000):
        desk.clock.advance(wait + 1000)
        assert desk.fire() == []
        row = desk.items.get(keys.draft(desk.o, inbox, made))
        assert row is not None
        statuses.append((row["send_status"], row.get("attempts")))

    assert statuses == [("scheduled", 1), ("scheduled", 2), ("failed", None)]
    assert row["send_error"]["code"] == "rate_limit_exceeded"
    assert row["send_error"]["message"] == "Daily send limit exceeded"
    assert counted(desk) == {TODAY: 8, THIS_MONTH: 8}


def test_a_scheduled_draft_that_finds_room_at_a_later_try_is_sent(open_desk: Callable[..., DraftDesk]) -> None:
    desk = open_desk(Config(daily_send_limit=10), "2025-06-16T23:58:30.000Z")
    inbox = desk.inbox()
    made = desk.draft(inbox, **BODY, send_at=to_wire(desk.clock() + 60_000))
    send_all(desk, inbox, 10)

    for wait in (61_000, 121_000):
        desk.clock.advance(wait)
        assert desk.fire() == []

    assert desk.items.get(keys.draft(desk.o, inbox, made)) is None
    assert counted(desk) == {TODAY: 10, "2025-06-17": RECIPIENTS}
