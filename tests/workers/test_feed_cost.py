"""What an event costs on its way from the transaction to a webhook and a socket, as docs/events-on-aws.md says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from mailroom.store.meter import metered
from mailroom.webhooks.attempt import deliver
from tests.support.feed import PUBLISH, SEQUENCE, Outlets, outlets

TEXT = "This is a line of an ordinary mail with some words in it.\n" * 40


class Cost(NamedTuple):
    trips: int
    read_units: float
    write_units: int


def cost_of(work: Callable[[], object]) -> Cost:
    with metered() as meter:
        work()
    return Cost(meter.trips, meter.read_units, meter.write_units)


def costs(world: Outlets, size: int) -> dict[str, Cost]:
    """Of a page of so many mails."""
    world.receive(*range(size), text=TEXT)
    # The stream is read before: on AWS, Lambda does that for nothing.
    world.changes(SEQUENCE)
    sequenced = cost_of(lambda: world.step(SEQUENCE))
    published = cost_of(lambda: world.step(PUBLISH))
    messages = world.hooks.queues.take()
    assert len(messages) in (0, size)
    delivered = [cost_of(lambda message=message: deliver(message, runtime=world.desk.runtime)) for message in messages]  # type: ignore[misc]
    assert len(set(delivered)) <= 1
    return {"sequence": sequenced, "publish": published, **({"deliver": delivered[0]} if delivered else {})}


NOBODY: Any = {1: Cost(4, 5, 1), 50: Cost(4, 5, 1)}
A_WEBHOOK: Any = {1: Cost(5, 5, 2), 50: Cost(5, 5, 51)}
A_SOCKET: Any = {1: Cost(7, 9, 1), 50: Cost(15, 107, 1)}
SEQUENCED = {1: Cost(2, 1, 6), 50: Cost(2, 1, 128)}


@pytest.mark.parametrize(("store", "size"), [("sqlite", 1), ("sqlite", 50), ("dynamodb", 1)])
@pytest.mark.parametrize(("listener", "published"), [(None, NOBODY), ("webhook", A_WEBHOOK), ("socket", A_SOCKET)])
def test_a_page_costs_what_the_documentation_says(store: Any, size: int, listener: str | None, published: Any) -> None:
    with outlets(store) as world:
        match listener:
            case "webhook":
                world.hooks.webhook()
            case "socket":
                world.connect("c1")

        found = costs(world, size)

    assert found.pop("deliver", Cost(4, 3, 2)) == Cost(4, 3, 2)
    assert found == {"sequence": SEQUENCED[size], "publish": published[size]}
