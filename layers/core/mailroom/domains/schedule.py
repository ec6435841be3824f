"""When a domain is checked again by itself, and the timer that asks for it (spec: domains.md, "Status").

As with drafts the timer is set before the row is written that it belongs to; one that fires for nothing, late, or twice does no
harm (docs/decisions/0013). It is named by its time, which stands on the row as `next_check_at`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from mailroom.domains.record import DomainRecord
from mailroom.domains.requests import QUEUE
from mailroom.ids import digest26
from mailroom.ports import Timers
from mailroom.store import keys
from mailroom.store.due import shard_of
from mailroom.store.port import Action, Delete, Key, Put

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
SERIES = ((60 * MINUTE_MS, MINUTE_MS), (73 * 60 * MINUTE_MS, 15 * MINUTE_MS))
"""(how long after verify, how often); afterwards daily."""


class Firing(NamedTuple):
    """A timer's message; without `timer` somebody wants to know now."""

    organization_id: str
    domain: str
    timer: int | None = None

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Raises KeyError for a malformed message."""
        return cls(body["organization_id"], body["domain"], body.get("timer"))


def next_check_at(record: DomainRecord, now: int) -> int | None:
    """None before the first call of verify."""
    if record["status"] == "NOT_STARTED":
        return None
    if record["status"] != "VERIFIED":
        watched = now - record.get("watched_since", 0)
        for until, every in SERIES:
            if watched < until:
                return now + every
    return now + DAY_MS


def arm(o: str, record: DomainRecord, *, timers: Timers) -> None:
    """Nothing where no check is due."""
    if "next_check_at" in record:
        at = record["next_check_at"]
        timers.set(QUEUE, _name(o, record["domain"], at), at, Firing(o, record["domain"], at)._asdict())


def disarm(o: str, record: DomainRecord, *, timers: Timers) -> None:
    if "next_check_at" in record:
        at = record["next_check_at"]
        timers.cancel(QUEUE, _name(o, record["domain"], at), at)


def due_entry(record: DomainRecord | None) -> Key | None:
    """Where the sweep finds it."""
    if record is None or "next_check_at" not in record:
        return None
    domain = record["domain"]
    return Key("idx", keys.due_checks(shard_of(domain)), keys.listing_sort(record["next_check_at"], domain))


def moved(o: str, before: DomainRecord, after: DomainRecord) -> list[Action]:
    """What moves the due entry, in the transaction that writes `after`."""
    old, new = due_entry(before), due_entry(after)
    if old == new:
        return []
    actions: list[Action] = [] if old is None else [Delete(old)]
    if new is not None:
        actions.append(Put(new, dict(Firing(o, after["domain"], after["next_check_at"])._asdict())))
    return actions


def _name(o: str, domain: str, at: int) -> str:
    """A digest, because names are short and domains are not."""
    return f"c-{digest26(f'{o}#{domain}')}-{at:x}"
