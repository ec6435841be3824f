"""When domains are checked: timers that come twice, early, late or never, and what goes wrong in a check or changes during it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mailroom.store import due, keys
from mailroom.store.port import Set
from tests.support.domain_desk import DAY, DOMAIN, HOUR, MINUTE, SECOND, DomainDesk, assert_goes_on, record
from tests.support.fakes import Names

VERIFIED = ("VERIFIED", None)


@pytest.fixture
def desk() -> Iterator[DomainDesk]:
    with DomainDesk() as desk:
        yield desk


def test_checks_come_every_minute_then_every_quarter_then_every_day(desk: DomainDesk) -> None:
    desk.register()
    desk.verify()
    desk.fire()
    begun, gaps = desk.clock(), []

    while desk.clock() - begun < 5 * DAY:
        at = desk.row()["next_check_at"]
        gaps.append(round((at - desk.clock()) / MINUTE))
        desk.wait(at - desk.clock())
        assert desk.row()["next_check_at"] > at

    assert gaps == [1] * 60 + [15] * 288 + [24 * 60] * 2
    assert_goes_on(desk)


def test_nothing_is_checked_before_somebody_asks(desk: DomainDesk) -> None:
    desk.register()

    desk.fire([record({"organization_id": desk.o, "domain": DOMAIN})])
    desk.wait(DAY)

    assert (desk.status()[0], desk.timers.waiting, desk.due()) == ("NOT_STARTED", {}, [])


def test_a_check_that_was_asked_for_takes_the_place_of_the_next_one(desk: DomainDesk) -> None:
    desk.verified()
    desk.clock.advance(HOUR)

    desk.verify()
    desk.fire()

    assert len(desk.timers.waiting) == 1
    assert_goes_on(desk)


def test_a_timer_that_cannot_be_taken_back_does_no_harm(desk: DomainDesk) -> None:
    desk.verified()
    old = [record(body) for body in desk.timers.waiting.values()]
    desk.clock.advance(HOUR)
    desk.verify()
    desk.fire()
    row = desk.row()

    assert desk.fire(old) == []

    assert desk.row() == row


def test_a_timer_that_comes_three_times_at_once_checks_once(desk: DomainDesk) -> None:
    desk.register()
    desk.verify()
    desk.fire()
    desk.publish()
    desk.clock.advance(MINUTE)
    firing, together = desk.fired(), threading.Barrier(3)

    def fire(_: int) -> list[str]:
        together.wait()
        return desk.fire(firing)

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(fire, range(3)))

    assert answers == [[], [], []]
    assert (desk.status(), len(desk.announced())) == (VERIFIED, 1)
    assert_goes_on(desk)


def test_a_timer_that_comes_early_waits_on(desk: DomainDesk) -> None:
    """As EventBridge Scheduler fires: what is left is waited out by a delay of the queue."""
    desk.verified()
    set_for, row = dict(desk.timers.waiting), desk.row()
    desk.clock.advance(DAY - 90 * SECOND)

    assert desk.fire(early_ms=90 * SECOND) == []

    assert (desk.timers.waiting, desk.row()) == (set_for, row)


def test_a_timer_of_a_domain_that_is_gone_is_the_last(desk: DomainDesk) -> None:
    desk.verified()
    desk.forget()

    desk.wait(DAY)

    assert (desk.timers.waiting, desk.queues.messages) == ({}, [])


def test_a_timer_that_never_fires_is_found_by_the_hour(desk: DomainDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(due, "PAGE", 1)
    names = [f"d{each}.example.com" for each in range(40)]
    for name in names:
        desk.register(name)
        desk.verify(name)
    desk.register("later.example.com")
    desk.queues.messages.clear()
    desk.clock.advance(3 * MINUTE)
    desk.verify("later.example.com")
    desk.queues.messages.clear()

    found = desk.sweep()
    assert desk.fire() == []

    assert found == len(names)
    assert all("checked_at" in desk.row(name) for name in names)
    assert "checked_at" not in desk.row("later.example.com")


def test_the_sweep_drops_what_a_deleted_domain_left(desk: DomainDesk) -> None:
    desk.verified()
    desk.forget()
    desk.clock.advance(2 * DAY)

    found = desk.sweep()

    assert (found, desk.due(), desk.queues.messages) == (0, [], [])


def test_a_check_by_the_sweep_is_an_automatic_one(desk: DomainDesk) -> None:
    desk.verified()
    desk.publish(without=["spf"])
    desk.timers.waiting.clear()
    desk.clock.advance(DAY + HOUR)

    desk.sweep()
    desk.fire()

    assert (desk.status(), desk.row().get("failures")) == (VERIFIED, 1)


# --- trouble ----------------------------------------------------------------------------------------------------------


def test_names_that_cannot_be_looked_up_leave_a_verified_domain_as_it_is(desk: DomainDesk) -> None:
    desk.verified()
    desk.names.failing |= {name for name, _ in desk.names.records}
    records = desk.row()["records"]

    for _ in range(5):
        desk.wait(DAY)

    assert (desk.status(), desk.row()["records"]) == (VERIFIED, records)


def test_a_provider_that_cannot_be_asked_is_asked_again(desk: DomainDesk) -> None:
    desk.register()
    desk.verify()
    batch, state = desk.fired(), desk.identities.state

    def busy(domain: str) -> Any:
        raise OSError("throttled")

    desk.identities.state = busy  # type: ignore[method-assign]
    failed = desk.fire(batch)
    desk.identities.state = state  # type: ignore[method-assign]

    assert failed == [DOMAIN]
    assert desk.fire(batch) == []
    assert_goes_on(desk)


def test_one_message_that_cannot_be_read_takes_no_other_along(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.verify()

    failed = desk.fire([{"messageId": "broken", "body": "{}", "attributes": {}}, *desk.fired()])

    assert (failed, desk.status()) == (["broken"], VERIFIED)


def test_a_domain_that_is_changed_during_its_check_is_checked_as_it_is_then(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.verify()
    meddled: list[str] = []

    class Meddling(Names):
        def look_up(self, name: str, kind: str) -> tuple[str, ...]:
            if not meddled:
                meddled.append(name)
                desk.items.update(keys.domain(desk.o, DOMAIN), [Set("feedback_enabled", False), Set("ver", desk.row()["ver"] + 1)])
            return desk.names.look_up(name, kind)

    desk.runtime.resolver = Meddling()
    assert desk.fire() == []

    assert (desk.status(), desk.row()["feedback_enabled"], desk.claim()["feedback"]) == (VERIFIED, False, False)


def test_a_domain_that_is_deleted_during_its_check_stays_deleted(desk: DomainDesk) -> None:
    desk.register()
    desk.publish()
    desk.verify()

    class Deleting(Names):
        def look_up(self, name: str, kind: str) -> tuple[str, ...]:
            if desk.items.get(keys.domain(desk.o, DOMAIN)) is not None:
                desk.forget()
            return desk.names.look_up(name, kind)

    desk.runtime.resolver = Deleting()
    assert desk.fire() == []

    assert desk.items.get(keys.domain(desk.o, DOMAIN)) is None
    assert (desk.claim()["state"], desk.announced()) == ("released", [])


def test_a_call_of_verify_does_not_wait_for_a_time_that_a_clock_set_back_has_lost(desk: DomainDesk) -> None:
    desk.register()
    desk.verify()
    desk.clock.advance(-HOUR)

    assert desk.verify().status == 204
