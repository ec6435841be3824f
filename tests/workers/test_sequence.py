"""From a stored mail to a published page, on both stores: each change comes as the stream hands it over, and comes again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from local.store.sqlite import SqliteItemStore
from mailroom.events import publish
from mailroom.events.log import Entry, Page
from mailroom.store import keys
from mailroom.store.port import Action, ChangeFeed, StoreBusy
from tests.support.desk import Desk
from tests.support.dynamo import dynamo
from tests.support.events import ids_of
from tests.support.feed import PUBLISH, SEQUENCE, Feed


class World(Feed):
    """What is published is only noted."""

    def __init__(self, desk: Desk, feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(desk, feed)
        self.to_webhooks: list[Entry] = []
        self.to_sockets: list[Entry] = []
        self.troubles: list[Exception] = []
        monkeypatch.setattr(publish, "ALWAYS", (lambda page, *_: self.to_webhooks.extend(page.entries),))
        monkeypatch.setattr(publish, "ONCE", (self._to_sockets,))

    def _to_sockets(self, page: Page, *_: Any) -> None:
        if self.troubles:
            raise self.troubles.pop()
        self.to_sockets.extend(page.entries)


@pytest.fixture(params=["sqlite", "dynamodb"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        if request.param == "dynamodb":
            made = stack.enter_context(dynamo())
            yield World(stack.enter_context(Desk(items=made.items)), made.feed, monkeypatch)
        else:
            desk = stack.enter_context(Desk())
            assert isinstance(desk.items, SqliteItemStore)
            yield World(desk, desk.items.feed, monkeypatch)


def test_a_stored_mail_reaches_the_log_and_is_published(world: World) -> None:
    world.receive(1, 2)

    assert world.hand(SEQUENCE) == []
    assert world.hand(PUBLISH) == []

    assert {entry.inbox_id for entry in world.log()} == {world.inbox}
    assert len(world.log()) == 2
    assert world.to_webhooks == world.to_sockets == world.log()


def test_an_event_that_has_its_position_is_not_handed_over_again(world: World) -> None:
    world.receive(1)
    before = len(world.changes(SEQUENCE))

    world.hand(SEQUENCE)

    assert (before, len(world.changes(SEQUENCE))) == (1, 1)
    assert len(world.changes(PUBLISH)) == 1


def test_a_batch_that_comes_again_changes_nothing(world: World) -> None:
    world.receive(1, 2, 3)
    changes = world.changes(SEQUENCE)
    world.hand(SEQUENCE, changes[:2])
    once = world.log()

    assert world.hand(SEQUENCE, changes) == world.hand(SEQUENCE, changes) == []

    assert world.log()[:2] == once
    assert len(world.log()) == 3


def test_a_page_that_comes_again_goes_to_webhooks_only(world: World) -> None:
    world.receive(1)
    world.hand(SEQUENCE)
    world.hand(PUBLISH)

    world.hand(PUBLISH)

    assert len(world.to_sockets) == 1
    assert len(world.to_webhooks) == 2


def test_from_a_page_that_fails_on_all_come_again_in_order(world: World) -> None:
    for number in range(3):
        world.receive(number)
        world.hand(SEQUENCE)
    pages = world.changes(PUBLISH)
    world.hand(PUBLISH, pages[:1])
    world.troubles = [StoreBusy("throttled")]

    failed = world.hand(PUBLISH, pages)

    assert failed == [pages[1].sequence]
    assert world.hand(PUBLISH, pages[1:]) == []
    assert world.to_sockets == world.log()


def test_what_was_published_before_a_failure_is_noted(world: World) -> None:
    for number in range(2):
        world.receive(number)
        world.hand(SEQUENCE)
    pages = world.changes(PUBLISH)
    world.hand(PUBLISH, pages[:1])
    world.troubles = [StoreBusy("throttled")]
    world.hand(PUBLISH, pages[1:])

    assert (world.desk.items.get(keys.published(world.desk.o)) or {})["page"] == 1


def test_an_older_page_does_not_take_the_note_back(world: World) -> None:
    for number in range(2):
        world.receive(number)
        world.hand(SEQUENCE)
    pages = world.changes(PUBLISH)
    world.hand(PUBLISH, pages)

    world.hand(PUBLISH, pages[:1])

    assert (world.desk.items.get(keys.published(world.desk.o)) or {})["page"] == 2


def test_a_failing_event_is_named_and_those_before_it_are_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.receive(1, 2, 3)
    changes = world.changes(SEQUENCE)
    bad = changes[1].key
    transact = type(world.desk.items).transact

    def refuse(store: Any, actions: Sequence[Action]) -> None:
        if any(action.key == bad for action in actions):
            raise StoreBusy("throttled")
        transact(store, actions)

    monkeypatch.setattr(type(world.desk.items), "transact", refuse)
    failed = world.hand(SEQUENCE, changes)
    monkeypatch.undo()

    assert failed == [changes[1].sequence]
    assert ids_of(world.log()) == [(changes[0].new or {})["event_id"]]
    assert world.hand(SEQUENCE, changes) == []
    assert len(world.log()) == 3
