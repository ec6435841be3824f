"""The failures of design/flows.md that meet events on their way out, on both stores: whatever dies, stops, comes again or goes
away, each event is in the log once, is delivered to a webhook once, and reaches a socket that resumes once."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import pytest

from mailroom.events import types
from mailroom.sockets.record import load
from mailroom.webhooks.attempt import LEASE_MS
from tests.support.crashes import Executioner, Killed
from tests.support.desk import mail
from tests.support.feed import PUBLISH, SEQUENCE, Outlets, outlets

HOUR_MS = 3_600_000
PORTS = ("items", "queues", "sockets")


@pytest.fixture(params=["sqlite", "dynamodb"])
def world(request: pytest.FixtureRequest) -> Iterator[Outlets]:
    with outlets(request.param) as made:
        yield made


def dies(world: Outlets, kill_at: int, work: Any) -> bool:
    """Whether the work was killed at its n-th call of a port."""
    runtime, executioner = world.desk.runtime, Executioner(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        for port in PORTS:
            patch.setattr(runtime, port, executioner.watch(getattr(runtime, port)))
        try:
            work()
        except Killed:
            return True
    return False


# --- killed -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fed_meanwhile", [True, False])
def test_a_mail_whose_worker_was_killed_after_the_transaction_is_one_event_everywhere(world: Outlets, fed_meanwhile: bool) -> None:
    world.hooks.webhook()
    world.connect("c1")
    record = world.desk.arrive(mail(to=world.inbox), world.inbox)
    for step in itertools.count(1):
        if dies(world, step, lambda: world.desk.receive(record)) and world.desk.events(world.inbox, types.RECEIVED):
            break
    [stored] = world.desk.events(world.inbox, types.RECEIVED)
    if fed_meanwhile:
        world.publish()

    assert world.desk.receive(record) == []
    world.publish()

    assert world.logged() == world.posted() == world.pushed("c1") == [stored["event_id"]]


def test_a_feed_that_dies_between_any_two_steps_loses_and_doubles_nothing(world: Outlets) -> None:
    webhook = world.hooks.webhook()
    world.connect("c1")
    numbers = itertools.count(1)

    def dies_at(kill_at: int) -> bool:
        world.happen(next(numbers))
        died = dies(world, kill_at, world.go_on)
        world.publish()
        return died

    for step in itertools.count(1):
        if not any([dies_at(-step), dies_at(step)]):
            break

    logged, pushed = world.logged(), world.pushed("c1")
    assert step > 8
    assert len(logged) == len(set(logged)) == 2 * step
    assert sorted(world.posted()) == sorted(logged)
    assert {row["status"] for row in world.deliveries(webhook["webhook_id"])} == {"delivered"}
    assert list(dict.fromkeys(pushed)) == logged
    assert len(pushed) - len(logged) <= 2, "only a death between pushing a page and noting it doubles frames (decision 11)"


# --- stopped, and again -------------------------------------------------------------------------------------------------


def test_a_feed_that_stood_still_and_then_comes_twice_doubles_nothing(world: Outlets) -> None:
    webhook = world.hooks.webhook()
    world.connect("c1")
    for number in range(53):
        world.happen(number)
    world.receive(1, 2)
    world.desk.clock.advance(2 * HOUR_MS)
    world.replay()
    world.hooks.run()
    logged, positions = world.logged(), [entry.position for entry in world.log()]

    for _ in range(2):
        world.replay()
        world.hooks.run()

    assert len(logged) == len(set(logged)) == 55
    assert [entry.position for entry in world.log()] == positions
    assert world.pushed("c1") == logged
    assert sorted(world.posted()) == sorted(logged)
    assert [row["event_id"] for row in world.deliveries(webhook["webhook_id"])] == sorted(logged)


def test_one_of_ten_records_of_the_deliveries_queue_fails_and_nine_are_done(world: Outlets) -> None:
    webhook = world.hooks.webhook()
    world.receive(*range(10))
    world.go_on()
    records = [{"messageId": str(number), "body": json.dumps(body)} for number, body in enumerate(world.hooks.queues.take())]
    world.hooks.receiver.answers = [200, 200, 200, RuntimeError("a bug"), *[200] * 6]

    answer = world.desk.work("webhooks.deliver_webhook", {"Records": records})

    assert answer["batchItemFailures"] == [{"itemIdentifier": "3"}]
    assert [row["status"] for row in world.deliveries(webhook["webhook_id"])].count("delivered") == 9
    world.desk.clock.advance(LEASE_MS)
    assert world.desk.work("webhooks.deliver_webhook", {"Records": records}) == {"batchItemFailures": []}
    assert {row["status"] for row in world.deliveries(webhook["webhook_id"])} == {"delivered"}
    assert len(set(world.posted())) == 10


# --- gone ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "passed", [(), (SEQUENCE,), (SEQUENCE, PUBLISH)], ids=["no position yet", "not published", "not delivered"]
)
def test_events_that_were_pending_when_their_inbox_was_deleted_hold_nothing_up(world: Outlets, passed: tuple[str, ...]) -> None:
    own, other = world.hooks.webhook(), world.desk.inbox("other")
    world.connect("c1")
    world.receive(1)
    world.receive(2, inbox=other)
    [kept] = world.desk.events(other, types.RECEIVED)
    for module in passed:
        assert world.hand(module) == []

    world.delete_inbox(world.inbox)
    for _ in range(2):
        world.replay()
        world.hooks.run()

    assert world.posted() == [kept["event_id"]]
    assert world.pushed("c1")[-1] == kept["event_id"]
    assert len(world.pushed("c1")) == (2 if PUBLISH in passed else 1)
    assert world.desk.events(world.inbox, types.RECEIVED) == []
    statuses = {row["event_id"]: row["status"] for row in world.deliveries(own["webhook_id"])}
    assert statuses.pop(kept["event_id"]) == "delivered"
    assert set(statuses.values()) <= {"cancelled"}


# --- sockets that end ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["410", "429", "cut after two hours"])
def test_a_socket_that_ends_leaves_no_rows_and_catching_up_loses_nothing(world: Outlets, fate: str) -> None:
    world.connect("c1")
    world.receive(1, 2)
    world.publish()
    match fate:
        case "410":
            world.sockets.gone.add("c1")
        case "429":
            world.sockets.busy.add("c1")
        case _:
            world.desk.work("sockets.disconnect_socket", {"requestContext": {"connectionId": "c1"}})
    world.receive(3, 4)
    world.publish()
    seen = world.sockets.sent_to("c1")[-1]["position"]

    world.connect("c2", after=seen)
    world.receive(5)
    world.publish()

    assert world.pushed("c1", "c2") == world.logged()
    assert (load("c1", items=world.desk.items), world.traces("c1")) == (None, [])
