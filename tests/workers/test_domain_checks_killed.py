"""A call of verify and a check, killed at any call of a port, or with somebody else acting there: the series of checks goes on, and
each change into VERIFIED is told once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailroom.store import keys
from mailroom.store.port import Set
from tests.support.crashes import Executioner, Intruder
from tests.support.domain_desk import DAY, DOMAIN, HOUR, MINUTE, DomainDesk, assert_goes_on

VERIFY = ["SqliteItemStore.fetch", "SqliteItemStore.transact", "QueueList.send"]
BY_TIMER = ["SqliteItemStore.get", "IdentityList.state", "TimerList.set", "SqliteItemStore.transact"]
CHECK = [*BY_TIMER, "TimerList.cancel"]
"""Somebody asked for it, so that the next one is another now."""
RESTORE = [*CHECK[:2], "QueueList.send", "IdentityList.register", "IdentityList.state", *CHECK[2:]]


def each(calls: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("call", [side * number for number in range(1, len(calls) + 1) for side in (-1, 1)])


@pytest.fixture
def desk() -> Iterator[DomainDesk]:
    with DomainDesk() as desk:
        yield desk.warmed_up()


def test_a_call_of_verify_makes_no_more_calls_than_are_tested(desk: DomainDesk) -> None:
    desk.register()
    executioner = Executioner()

    desk.dying(executioner, desk.verify)

    assert executioner.calls == VERIFY


def test_a_check_makes_no_more_calls_than_are_tested(desk: DomainDesk) -> None:
    desk.register()
    first, again = Executioner(), Executioner()
    desk.verify()
    desk.dying(first, desk.fire)
    desk.publish()
    desk.clock.advance(MINUTE)
    desk.dying(again, desk.fire)

    assert (first.calls, again.calls) == (CHECK, BY_TIMER)


def test_a_check_that_restores_an_identity_makes_no_more_calls_than_are_tested(desk: DomainDesk) -> None:
    desk.register()
    desk.identities.remove(DOMAIN, desk.o)
    desk.verify()
    executioner = Executioner()

    desk.dying(executioner, desk.fire)

    assert executioner.calls == RESTORE


@each(VERIFY)
def test_a_verify_that_is_killed_has_not_begun_or_is_found_by_the_hour(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.publish()

    assert desk.dying(Executioner(call), desk.verify) is None
    desk.clock.advance(HOUR)
    desk.sweep()
    assert desk.fire() == []

    begun = call == 2 or abs(call) == 3
    assert desk.status()[0] == ("VERIFIED" if begun else "NOT_STARTED")
    assert len(desk.announced()) == begun


@each(CHECK)
def test_a_check_that_is_killed_is_made_when_its_message_comes_again(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.publish()
    desk.verify()
    batch = desk.fired()

    assert desk.dying(Executioner(call), lambda: desk.fire(batch)) is None
    assert desk.fire(batch) == []
    desk.wait(DAY + HOUR)

    assert (desk.status()[0], len(desk.announced())) == ("VERIFIED", 1)
    assert_goes_on(desk)


@each(BY_TIMER)
def test_a_check_whose_message_never_comes_again_is_found_by_the_hour(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.verify()
    desk.fire()
    desk.publish()
    desk.clock.advance(MINUTE)

    assert desk.dying(Executioner(call), desk.fire) is None
    desk.clock.advance(HOUR)
    desk.sweep()
    assert desk.fire() == []

    assert (desk.status()[0], len(desk.announced())) == ("VERIFIED", 1)
    assert_goes_on(desk)


@each(RESTORE)
def test_an_identity_is_restored_also_by_a_check_that_was_killed(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.publish()
    desk.identities.remove(DOMAIN, desk.o)
    desk.verify()
    batch = desk.fired()

    assert desk.dying(Executioner(call), lambda: desk.fire(batch)) is None
    assert desk.fire(batch) == []
    assert desk.fire() == []

    assert (desk.status()[0], DOMAIN in desk.identities.owners) == ("VERIFIED", True)


@pytest.mark.parametrize("call", range(1, RESTORE.index("SqliteItemStore.transact") + 2))
def test_a_domain_that_is_deleted_while_its_identity_is_restored_leaves_none(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.publish()
    desk.identities.remove(DOMAIN, desk.o)
    desk.verify()

    desk.dying(Intruder(call, desk.forget), desk.fire)
    assert desk.fire() == []

    assert (desk.identities.owners, desk.announced()) == ({}, [])
    assert desk.claim()["state"] == "released"


@pytest.mark.parametrize("call", range(1, len(CHECK) + 1))
def test_another_check_at_the_same_time_tells_nothing_twice(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.publish()
    desk.verify()
    batch = desk.fired()

    desk.dying(Intruder(call, lambda: desk.fire(batch)), lambda: desk.fire(batch))

    assert (desk.status()[0], len(desk.announced())) == ("VERIFIED", 1)
    assert_goes_on(desk)


@pytest.mark.parametrize("call", range(1, len(BY_TIMER) + 1))
def test_a_verify_in_the_middle_of_a_check_is_not_forgotten(desk: DomainDesk, call: int) -> None:
    desk.register()
    desk.verify()
    desk.fire()
    desk.clock.advance(MINUTE)
    asked_before = desk.row()["asked_at"]

    desk.dying(Intruder(call, desk.verify), desk.fire)
    assert desk.fire() == []

    assert desk.row()["asked_at"] > asked_before
    assert_goes_on(desk)


def test_two_calls_of_verify_at_once_ask_once(desk: DomainDesk) -> None:
    desk.register()
    answers = []

    answers.append(desk.dying(Intruder(2, lambda: answers.append(desk.verify())), desk.verify))

    assert sorted(answer.status for answer in answers if answer is not None) == [204, 409]
    assert len(desk.queues.messages) == 1


def test_a_call_of_verify_meets_a_deletion(desk: DomainDesk) -> None:
    desk.register()

    answer = desk.dying(Intruder(2, desk.forget), desk.verify)

    assert answer is not None
    assert (answer.status, desk.queues.messages) == (404, [])


def test_a_domain_whose_claim_is_released_cannot_be_checked(desk: DomainDesk) -> None:
    desk.register()
    desk.items.update(keys.domain_claim(DOMAIN), [Set("state", "released")])

    answer = desk.verify()

    assert (answer.status, answer.body["code"]) == (422, "unprocessable")
    assert (desk.status()[0], desk.queues.messages) == ("NOT_STARTED", [])
