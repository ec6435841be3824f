"""Marking an organization's credentials: in pages, again after a death, and against whoever decides otherwise meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.store.database import MEMORY, Database
from mailroom.callers import Caller
from mailroom.errors import NotFound, OrganizationSuspended, RaceCondition
from mailroom.keys.scopes import Route
from mailroom.keys.service import create_api_key, delete_api_key
from mailroom.organizations import suspension
from mailroom.organizations.service import create_organization
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Action, Item, ItemStore, Query
from tests.support.fakes import memory_runtime


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    database = Database(MEMORY)
    yield memory_runtime(database)
    database.close()


def organization(runtime: Runtime, *, more_keys: int = 0) -> str:
    o = create_organization(items=runtime.items, clock=runtime.clock)["organization_id"]
    for _ in range(more_keys):
        new_key(runtime, o)
    return o


def new_key(runtime: Runtime, o: str) -> str:
    made = create_api_key(Caller(o, "organization", o), Route(), {}, items=runtime.items, clock=runtime.clock)
    return str(made["api_key_id"])


def rows(runtime: Runtime, o: str) -> list[Item]:
    """Both rows of each key."""
    records = runtime.items.query(Query("core", o, 1000, *keys.api_key_range()))
    secrets = runtime.items.batch_get([keys.api_key_secret(each["secret_hash"]) for each in records])
    return [*records, *secrets.values()]


class Meddling:
    """An item store that lets something happen before its transaction number `at`."""

    def __init__(self, inner: ItemStore, at: int, act: object) -> None:
        self._inner, self._left, self._act = inner, at, act

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def transact(self, actions: list[Action]) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()  # type: ignore[operator]
        self._inner.transact(actions)


class Died(Exception):
    pass


def die() -> None:
    raise Died


def test_all_pages_of_keys_are_marked_and_unmarked(runtime: Runtime) -> None:
    o = organization(runtime, more_keys=suspension.PAGE + 3)
    every = suspension.PAGE + 4

    marked = suspension.suspend(o, items=runtime.items, clock=runtime.clock)
    suspended = rows(runtime, o)
    unmarked = suspension.resume(o, items=runtime.items)

    assert marked == unmarked == every
    assert len(suspended) == 2 * every
    assert all("suspended" in each for each in suspended)
    assert not any("suspended" in each for each in rows(runtime, o))


def test_a_second_call_changes_nothing(runtime: Runtime) -> None:
    o = organization(runtime)
    suspension.suspend(o, items=runtime.items, clock=runtime.clock)
    before = runtime.items.get(keys.organization(o))

    again = suspension.suspend(o, items=runtime.items, clock=runtime.clock)

    assert again == 0
    assert runtime.items.get(keys.organization(o)) == before


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_a_call_that_died_between_two_pages_is_completed_by_the_next(runtime: Runtime, command: str) -> None:
    o = organization(runtime, more_keys=suspension.PAGE)

    def call(items: ItemStore) -> int:
        if command == "resume":
            return suspension.resume(o, items=items)
        return suspension.suspend(o, items=items, clock=runtime.clock)

    if command == "resume":
        suspension.suspend(o, items=runtime.items, clock=runtime.clock)
    with pytest.raises(Died):
        call(Meddling(runtime.items, 2, die))  # type: ignore[arg-type]

    assert call(runtime.items) == 1
    assert {"suspended" in each for each in rows(runtime, o)} == {command == "suspend"}


def test_of_two_who_disagree_the_later_one_prevails(runtime: Runtime) -> None:
    o = organization(runtime, more_keys=suspension.PAGE)
    meddling = Meddling(runtime.items, 2, lambda: suspension.resume(o, items=runtime.items))

    with pytest.raises(RaceCondition):
        suspension.suspend(o, items=meddling, clock=runtime.clock)  # type: ignore[arg-type]

    assert not any("suspended" in each for each in rows(runtime, o))


def test_a_key_that_is_deleted_meanwhile_stays_deleted(runtime: Runtime) -> None:
    o = organization(runtime)
    gone = new_key(runtime, o)
    caller = Caller(o, "organization", o)
    meddling = Meddling(runtime.items, 1, lambda: delete_api_key(caller, Route(), gone, items=runtime.items))

    marked = suspension.suspend(o, items=meddling, clock=runtime.clock)  # type: ignore[arg-type]

    assert marked == 1
    assert len(rows(runtime, o)) == 2


def test_no_key_is_made_by_a_request_that_was_let_in_before(runtime: Runtime) -> None:
    o = organization(runtime)
    suspension.suspend(o, items=runtime.items, clock=runtime.clock)

    with pytest.raises(OrganizationSuspended):
        new_key(runtime, o)


def test_nobody_can_be_suspended_who_is_not_there(runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        suspension.suspend("nobody", items=runtime.items, clock=runtime.clock)
    with pytest.raises(NotFound):
        suspension.resume("nobody", items=runtime.items)
    assert runtime.items.get(keys.organization("nobody")) is None
