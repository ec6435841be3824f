"""Domains while others are at them, and processes that die on the way: nothing half done, nothing of anybody's lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from local.store.database import reading
from mailroom.callers import Caller
from mailroom.config import Config
from mailroom.domains.create import create_domain
from mailroom.domains.delete import delete_domain
from mailroom.domains.listing import get_domain
from mailroom.domains.update import update_domain
from mailroom.errors import (
    LimitExceeded,
    MailroomError,
    NotFound,
    RaceCondition,
    ResourceTaken,
    ServiceUnavailable,
    Unprocessable,
)
from mailroom.inboxes.create import create_inbox
from mailroom.organizations.service import create_organization, get_organization
from mailroom.pods.service import create_pod
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Add, Fetched, Item, ItemStore, Reads
from tests.support.crashes import Executioner, Intruder, Killed
from tests.support.desk import Desk
from tests.support.domains import verify
from tests.support.fakes import IdentityList, QueueList

NAME = "mail.example.com"


class Office:
    """A desk with two organizations; `identities` and `queues` are the test's to look into."""

    def __init__(self, config: Config | None = None) -> None:
        self.desk = Desk(config)
        self.items, self.runtime, self.o = self.desk.items, self.desk.runtime, self.desk.o
        self.other = create_organization(items=self.items, clock=self.desk.clock)["organization_id"]
        assert isinstance(self.runtime.identities, IdentityList)
        assert isinstance(self.runtime.queues, QueueList)
        self.identities, self.queues = self.runtime.identities, self.runtime.queues

    def watched(self, by: Executioner) -> Runtime:
        parts = ("items", "identities", "queues", "resolver")
        return replace(self.runtime, **{name: by.watch(getattr(self.runtime, name)) for name in parts})

    def create(self, o: str = "", runtime: Runtime | None = None, *, pod_id: str | None = None, **body: Any) -> dict[str, Any]:
        r = runtime or self.runtime
        wanted: Any = {"domain": NAME, **body}
        return create_domain(
            caller(o or self.o),
            wanted,
            pod_id=pod_id,
            items=r.items,
            identities=r.identities,
            resolver=r.resolver,
            queues=r.queues,
            clock=r.clock,
            config=r.config,
        )

    def update(self, runtime: Runtime | None = None, **body: Any) -> dict[str, Any]:
        r, wanted = runtime or self.runtime, body
        parts: Any = {"items": r.items, "identities": r.identities, "queues": r.queues, "clock": r.clock, "config": r.config}
        return update_domain(caller(self.o), NAME, wanted, **parts)  # type: ignore[arg-type]

    def delete(self, runtime: Runtime | None = None, o: str = "") -> None:
        r = runtime or self.runtime
        who = caller(o or self.o)
        delete_domain(who, NAME, items=r.items, identities=r.identities, queues=r.queues, clock=r.clock)

    def inbox(self, runtime: Runtime | None = None) -> str:
        r, body = runtime or self.runtime, {"username": "a", "domain": NAME}
        made = create_inbox(caller(self.o), body, items=r.items, clock=r.clock, config=r.config)  # type: ignore[arg-type]
        return str(made["inbox_id"])

    def shown(self, o: str = "") -> dict[str, Any]:
        return get_domain(caller(o or self.o), NAME, items=self.items)

    def count(self, o: str = "") -> int:
        return int(get_organization(caller(o or self.o), items=self.items, config=self.runtime.config)["domain_count"])

    def clean_up(self) -> None:
        """What the worker does with what is queued."""
        while self.queues.messages:
            queue, body = self.queues.messages.pop(0)
            claim = self.items.get(keys.domain_claim(body["domain"]))
            assert queue == "domains"
            if body.get("remove") and (claim is None or claim["state"] != "live"):
                self.identities.remove(body["domain"], body["organization_id"])

    def rows(self) -> set[tuple[str, str, str]]:
        with reading(self.desk.database) as connection:
            found = ((table, connection.execute(f"SELECT pk, sk FROM {table}")) for table in ("core", "idx", "ev", "eph"))
            return {(table, pk, sk) for table, each in found for pk, sk in each}


@pytest.fixture
def office() -> Iterator[Office]:
    made = Office()
    with made.desk:
        yield made


def caller(o: str) -> Caller:
    return Caller(o, "organization", o)


def at_each_call(office: Callable[[], Office], act: Callable[[Office], object], during: Callable[[Office, Runtime], object]) -> Any:
    """Yields offices in which something happened right before the n-th call of `during`, and how that ended."""
    for at in range(1, 100):
        made = office()
        with made.desk:
            intruder = Intruder(at, lambda made=made: act(made))  # type: ignore[misc]
            try:
                ended: Any = during(made, made.watched(intruder))
            except MailroomError as error:
                ended = error
            if not intruder.acted:
                return
            yield made, ended
    pytest.fail("never ran to its end")


# --- two at once --------------------------------------------------------------------------------------------------------------


def test_whoever_commits_first_has_the_name() -> None:
    for office, ended in at_each_call(Office, lambda o: o.create(o.other), lambda o, runtime: o.create(runtime=runtime)):
        assert isinstance(ended, ResourceTaken)
        assert (office.count(), office.count(office.other)) == (0, 1)
        office.clean_up()
        assert NAME in office.identities.owners


class Torn:
    """An item store whose first fetch reads the client id, and everything else only after `act`."""

    def __init__(self, items: ItemStore, act: Callable[[], object]) -> None:
        self._items, self._act = items, act

    def fetch(self, reads: Reads) -> Fetched:
        before, acted = self._items.fetch(reads), self._act()
        self.fetch = self._items.fetch  # type: ignore[method-assign]
        after = self._items.fetch(reads)
        assert acted
        found = {key: row for key, row in after.items.items() if not key.sk.startswith("CID#") or key in before.items}
        return Fetched(found, after.pages)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._items, name)


def test_the_same_call_at_the_same_moment_is_a_replay_also_where_the_client_id_was_read_too_early(office: Office) -> None:
    items: Any = Torn(office.items, lambda: office.create(client_id="c"))

    made = office.create(runtime=replace(office.runtime, items=items), client_id="c")

    assert made == office.shown()
    assert office.count() == 1


def test_a_replay_of_a_domain_that_is_deleted_meanwhile_is_that_domain_or_a_new_one() -> None:
    def with_domain() -> Office:
        office = Office()
        office.create(client_id="c")
        return office

    for office, ended in at_each_call(
        with_domain, lambda o: o.delete(), lambda o, runtime: o.create(runtime=runtime, client_id="c")
    ):
        assert ended["domain"] == NAME
        assert office.count() in (0, 1)


def test_a_name_above_that_comes_at_the_same_moment_is_seen() -> None:
    """Neither of two organizations may get by without a proof because it did not see the other."""

    def register_above(office: Office) -> None:
        office.create(office.other, domain="example.com")

    for _, made in at_each_call(Office, register_above, lambda o, runtime: o.create(runtime=runtime)):
        assert made["records"][0]["name"] == f"_mailroom.{NAME}"


def test_a_limit_is_exact_however_many_try_at_once() -> None:
    def limited() -> Office:
        return Office(Config(domain_limit=1))

    for office, ended in at_each_call(
        limited, lambda o: o.create(domain="first.example.org"), lambda o, runtime: o.create(runtime=runtime)
    ):
        assert isinstance(ended, LimitExceeded)
        assert office.count() == 1
        office.clean_up()
        assert list(office.identities.owners) == ["first.example.org"]


def test_a_pod_deleted_meanwhile_gets_no_domain() -> None:
    """Deleting it goes by its state alone."""
    pods: list[str] = []

    def with_pod() -> Office:
        office = Office()
        pods.append(create_pod(caller(office.o), {}, items=office.items, clock=office.desk.clock)["pod_id"])
        return office

    def delete_pod(office: Office) -> None:
        row: Item = office.items.get(keys.pod(office.o, pods[-1])) or {}
        office.items.put(keys.pod(office.o, pods[-1]), {**row, "state": "deleting"})

    for office, ended in at_each_call(with_pod, delete_pod, lambda o, runtime: o.create(runtime=runtime, pod_id=pods[-1])):
        assert isinstance(ended, NotFound)
        office.clean_up()
        assert (office.count(), office.identities.owners) == (0, {})


def test_a_domain_deleted_meanwhile_gets_no_inbox() -> None:
    def with_domain() -> Office:
        office = Office()
        office.create()
        verify(office.o, NAME, items=office.items)
        return office

    for office, ended in at_each_call(with_domain, lambda o: o.delete(), lambda o, runtime: o.inbox(runtime)):
        assert isinstance(ended, NotFound)
        assert office.items.get(keys.address(f"a@{NAME}")) is None


def test_a_change_beside_another_is_made_on_top_of_it() -> None:
    def with_domain() -> Office:
        office = Office()
        office.create()
        return office

    for office, made in at_each_call(
        with_domain, lambda o: o.update(tracking_enabled=True), lambda o, runtime: o.update(runtime, feedback_enabled=False)
    ):
        assert (made["tracking_enabled"], made["feedback_enabled"]) == (True, False)
        assert office.shown() == made
        claim = office.items.get(keys.domain_claim(NAME)) or {}
        assert (claim["tracks"], claim["feedback"], office.identities.feedback[NAME]) == (True, False, False)


def test_a_change_of_a_domain_deleted_meanwhile_brings_nothing_back() -> None:
    def with_domain() -> Office:
        office = Office()
        office.create()
        return office

    for office, ended in at_each_call(
        with_domain, lambda o: o.delete(), lambda o, runtime: o.update(runtime, inbound_enabled=False)
    ):
        assert isinstance(ended, NotFound)
        assert (office.items.get(keys.domain_claim(NAME)) or {})["state"] == "released"


def test_two_deletions_are_one() -> None:
    def with_domain() -> Office:
        office = Office()
        office.create()
        return office

    for office, ended in at_each_call(with_domain, lambda o: o.delete(), lambda o, runtime: o.delete(runtime)):
        assert ended is None or isinstance(ended, NotFound)
        assert office.count() == 0


def test_a_stored_check_does_not_stand_in_the_way_of_a_deletion(office: Office) -> None:
    office.create()
    intruder = Intruder(3, lambda: office.items.update(keys.domain(office.o, NAME), [Add("ver", 1)]))

    office.delete(office.watched(intruder))

    assert intruder.acted
    assert office.count() == 0


def test_who_always_comes_second_is_told_to_try_again(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mailroom.store.races._FIRST_WAIT_S", 0)
    office.create()
    keep, row = office.items.transact, keys.domain(office.o, NAME)
    outrun = office.watched(Executioner())

    def lose(actions: Any) -> None:
        office.items.update(row, [Add("ver", 1)])
        keep(actions)

    outrun.items.transact = lose  # type: ignore[method-assign]

    with pytest.raises(RaceCondition):
        office.update(outrun, tracking_enabled=True)


# --- the provider -------------------------------------------------------------------------------------------------------------


def test_what_the_provider_refuses_is_not_registered(office: Office) -> None:
    office.identities.refused.add(NAME)
    before = office.rows()

    with pytest.raises(Unprocessable, match="provider"):
        office.create()

    assert (office.rows(), office.queues.messages) == (before, [])


def test_a_provider_that_does_not_answer_is_asked_again_by_the_client(office: Office) -> None:
    class Silent(IdentityList):
        def register(self, *given: Any, **more: Any) -> Any:
            raise RuntimeError("throttled")

        def remove(self, *given: Any) -> None:
            raise RuntimeError("throttled")

    silent = replace(office.runtime, identities=Silent())

    with pytest.raises(ServiceUnavailable):
        office.create(runtime=silent)

    office.create()
    office.delete(silent)
    assert NAME in office.identities.owners
    office.clean_up()
    assert NAME not in office.identities.owners


def test_an_identity_that_was_there_before_needs_a_proof_and_is_left_as_it_is(office: Office) -> None:
    office.identities.known.add(NAME)

    made = office.create()
    feedback = dict(office.identities.feedback)
    office.update(feedback_enabled=False)

    assert made["records"][0]["name"] == f"_mailroom.{NAME}"
    assert office.identities.feedback == feedback
    verify(office.o, NAME, items=office.items)
    office.update(feedback_enabled=True)
    office.update(feedback_enabled=False)
    assert office.identities.feedback[NAME] is False


# --- whatever dies on the way ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before_or_after", [-1, 1])
def test_a_creation_killed_anywhere_is_whole_or_not_at_all(before_or_after: int) -> None:
    for kill_at in range(1, 100):
        office = Office()
        with office.desk:
            untouched = office.rows()
            died = _dies(office, lambda o, runtime: o.create(runtime=runtime, client_id="c"), kill_at * before_or_after)
            whole = office.count() == 1
            assert whole or office.rows() == untouched

            made = office.create(client_id="c")

            assert made == office.shown()
            assert office.count() == 1
            assert office.identities.owners == {NAME: office.o}
        if not died:
            return
    pytest.fail("never ran to its end")


@pytest.mark.parametrize("before_or_after", [-1, 1])
def test_a_deletion_killed_anywhere_is_whole_or_not_at_all(before_or_after: int) -> None:
    for kill_at in range(1, 100):
        office = Office()
        with office.desk:
            untouched = office.rows()
            office.create(client_id="c")
            whole = office.rows()
            died = _dies(office, lambda o, runtime: o.delete(runtime), kill_at * before_or_after)
            there = office.count() == 1
            claims = {("core", keys.domain_claim(NAME).pk, "-"), ("core", keys.domain_family(NAME), "-")}
            assert office.rows() == (whole if there else untouched | claims)

            office.clean_up()

            assert (NAME in office.identities.owners) == there
        if not died:
            return
    pytest.fail("never ran to its end")


def _dies(office: Office, during: Callable[[Office, Runtime], object], kill_at: int) -> bool:
    try:
        during(office, office.watched(Executioner(kill_at)))
    except Killed:
        return True
    return False
