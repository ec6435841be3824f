"""A desk that checks domains: their DNS, their provider, their timers and their queue."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

from mailroom.config import Config
from mailroom.domains.record import ClaimRecord, DomainRecord, claim_of, record_of
from mailroom.domains.schedule import QUEUE, due_entry
from mailroom.events import types
from mailroom.ports import IdentityState
from mailroom.store import keys
from mailroom.store.due import SHARDS
from mailroom.store.port import Delete, Item, ItemStore, Key, Query, Set, Update
from tests.support.crashes import Executioner, Killed
from tests.support.desk import SECRET, Answer, Desk
from tests.support.domain_rows import registered
from tests.support.fakes import IdentityList, Names, QueueList, TimerList

T = TypeVar("T")

SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
VERIFY = "/domains/{domain_id}/verify"
PENDING = IdentityState("pending", "pending", sends=False)
WITHDRAWN = IdentityState("failed", "success", sends=False)
DOMAIN = "example.com"


class DomainDesk(Desk):
    """`with DomainDesk() as desk:`. Timers and messages wait until a test calls `fire`."""

    def __init__(self, items: ItemStore | None = None, *, config: Config | None = None) -> None:
        super().__init__(config, items=items)
        runtime = self.runtime
        assert isinstance(runtime.timers, TimerList)
        assert isinstance(runtime.queues, QueueList)
        assert isinstance(runtime.resolver, Names)
        assert isinstance(runtime.identities, IdentityList)
        self.timers, self.queues, self.names, self.identities = runtime.timers, runtime.queues, runtime.resolver, runtime.identities

    def __enter__(self) -> DomainDesk:
        return self

    def warmed_up(self) -> DomainDesk:
        """All runs make the same calls from here on: the key's organization is known and its use is noted."""
        self.verify("unknown.example.net")
        self.note_key_use()
        return self

    # --- domains ------------------------------------------------------------------------------------------------------

    def register(self, name: str = DOMAIN, **given: Any) -> DomainRecord:
        """A new domain, as its creation writes it."""
        return registered(self.runtime, self.o, name, **given)

    def verified(self, name: str = DOMAIN, **given: Any) -> DomainRecord:
        """One that has just become VERIFIED; its event is not the test's."""
        self.register(name, **given)
        self.publish(name)
        assert self.verify(name).status == 204
        assert self.fire() == []
        self.items.write([Delete(Key("ev", row["pk"], row["sk"])) for row in self.announced()])
        return self.row(name)

    def publish(self, name: str = DOMAIN, *, without: Sequence[str] = ()) -> None:
        """All its records, and nothing else; `without` those of some purposes."""
        self.names.records.clear()
        self.names.publish(cast(Any, [each for each in self.row(name)["records"] if each["purpose"] not in without]))

    def forget(self, name: str = DOMAIN) -> None:
        """As its deletion does."""
        released = Update(keys.domain_claim(name), (Set("state", "released"), Set("released_at", self.clock())))
        self.items.transact([Delete(keys.domain(self.o, name)), released])

    def row(self, name: str = DOMAIN) -> DomainRecord:
        found = self.items.get(keys.domain(self.o, name))
        assert found is not None
        return record_of(found)

    def status(self, name: str = DOMAIN) -> tuple[str, str | None]:
        record = self.row(name)
        return record["status"], record.get("reason")

    def claim(self, name: str = DOMAIN) -> ClaimRecord:
        return cast(ClaimRecord, self.items.get(keys.domain_claim(name)))

    def announced(self) -> list[Item]:
        """The events of domains that became VERIFIED."""
        return self.items.query(Query("ev", keys.events(self.o, None, types.DOMAIN_VERIFIED), 1000))

    def due(self) -> list[Item]:
        return [row for shard in range(SHARDS) for row in self.items.query(Query("idx", keys.due_checks(shard), 100))]

    # --- the API ------------------------------------------------------------------------------------------------------

    def verify(self, name: str = DOMAIN) -> Answer:
        event = {
            "httpMethod": "POST",
            "resource": VERIFY,
            "path": VERIFY.format(domain_id=name),
            "headers": {"Authorization": f"Bearer {SECRET}"},
            "body": None,
        }
        return Answer(self.work("domains.verify_domain", event))

    # --- time ---------------------------------------------------------------------------------------------------------

    def fired(self, *, early_ms: int = 0) -> list[dict[str, Any]]:
        """Records of what waits in the queue, and of the timers that are due (or so much later)."""
        due = self.queues.messages + self.timers.fire(self.clock(), early_ms=early_ms)
        self.queues.messages, self.queues.delays = [], []
        return [record(body) for queue, body in due if queue == QUEUE]

    def fire(self, records: Sequence[Mapping[str, Any]] | None = None, *, early_ms: int = 0) -> list[str]:
        """Hands what is due (or `records`) to the worker; the ids of what must come again."""
        batch = self.fired(early_ms=early_ms) if records is None else records
        answer = self.work("domains.check_domain", {"Records": batch})
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def wait(self, ms: int) -> None:
        self.clock.advance(ms)
        assert self.fire() == []

    def sweep(self) -> int:
        return int(self.work("domains.sweep_domains", {})["fired"])

    def dying(self, executioner: Executioner, act: Callable[[], T]) -> T | None:
        """What `act` answers, or None where it was killed at a call of a port."""
        alive = self.runtime
        ports = ("items", "timers", "queues", "identities")
        self.runtime = dataclasses.replace(alive, **{name: executioner.watch(getattr(alive, name)) for name in ports})
        try:
            return act()
        except Killed:
            return None
        finally:
            self.runtime = alive


def record(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"messageId": body.get("domain", "m"), "body": json.dumps(body), "attributes": {"ApproximateReceiveCount": "1"}}


def assert_goes_on(desk: DomainDesk, name: str = DOMAIN) -> None:
    """The next check is due, once, where the sweep looks and with a timer that brings it."""
    row = desk.row(name)
    assert [Key("idx", each["pk"], each["sk"]) for each in desk.due()] == [due_entry(row)]
    assert [at for _, _, at in desk.timers.waiting if at == row["next_check_at"]]
    assert desk.claim(name) == {**claim_of(desk.o, row), **{each: desk.claim(name)[each] for each in ("pk", "sk")}}  # type: ignore[literal-required]
