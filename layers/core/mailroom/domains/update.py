"""Switching what a domain is used for (spec: domains.md, "Update")."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.domains.access import require_domain
from mailroom.domains.dns import Hosts, expected, hosts_of, identity_of, renewed
from mailroom.domains.model import FLAGS, UpdateDomain, domain
from mailroom.domains.provider import asking
from mailroom.domains.record import DomainRecord
from mailroom.domains.requests import check_now
from mailroom.domains.schedule import MINUTE_MS
from mailroom.domains.writing import written
from mailroom.errors import RaceCondition, ValidationError
from mailroom.ports import Identities, Queues
from mailroom.store.port import Item, ItemStore, TransactionCancelled
from mailroom.store.races import attempts

NEEDS_MX = ("inbound_enabled", "subdomains_enabled")
"""Flags with a record that verification waits for."""
CHECKED_WITHIN_MS = 60 * MINUTE_MS
"""Once a record is waited for, also where the message that asks for a check was never sent."""


def update_domain(
    caller: Caller,
    domain_id: str,
    body: UpdateDomain,
    *,
    pod_id: str | None = None,
    items: ItemStore,
    identities: Identities,
    queues: Queues,
    clock: Clock,
    config: Config,
) -> dict[str, Any]:
    """The changed `Domain`. Raises ValidationError, NotFound, ServiceUnavailable, RaceCondition."""
    if not body:
        raise ValidationError.at((), f"Send at least one of {', '.join(FLAGS)}")
    o = caller.organization_id
    for _ in attempts():
        before = require_domain(caller, domain_id, pod_id=pod_id, items=items)
        after = _changed(before, body, clock(), hosts_of(config))
        if after is before:
            return domain(before)
        _pass_on_feedback(before, after, identities=identities)
        try:
            items.transact(written(o, before, after))
        except TransactionCancelled:
            continue
        if _wants_check(before, after):
            check_now(o, after["domain"], queues=queues)
        return domain(after)
    raise RaceCondition


def _changed(before: DomainRecord, body: UpdateDomain, now: int, hosts: Hosts) -> DomainRecord:
    """The same object where nothing is to be changed."""
    flags = {name: cast(Item, body).get(name, cast(Item, before)[name]) for name in FLAGS}
    if all(cast(Item, before)[name] == value for name, value in flags.items()):
        return before
    after = cast(DomainRecord, {**before, **flags, "updated_at": max(now, before["updated_at"] + 1), "ver": before["ver"] + 1})
    after["records"] = renewed(before["records"], expected(after, identity_of(before), hosts))
    if before["status"] != "NOT_STARTED" and any(_turned_on(name, before, after) for name in NEEDS_MX):
        after["status"], after["reason"], after["watched_since"] = "PENDING", "dns_records_missing", now
        within = now + CHECKED_WITHIN_MS
        after["next_check_at"] = min(before.get("next_check_at", within), within)
    return after


def _turned_on(name: str, before: DomainRecord, after: DomainRecord) -> bool:
    return bool(cast(Item, after)[name] and not cast(Item, before)[name])


def _wants_check(before: DomainRecord, after: DomainRecord) -> bool:
    """Where other records are waited for than before, except where nobody waits: a new or failed domain waits for its owner, and a
    VERIFIED one needs no record less to stay so."""
    switched = any(cast(Item, before)[name] != cast(Item, after)[name] for name in NEEDS_MX)
    return switched and after["status"] in ("PENDING", "INVALID", "VERIFYING")


def _pass_on_feedback(before: DomainRecord, after: DomainRecord, *, identities: Identities) -> None:
    """Before the commit: should it fail, the caller's next try says it again. An identity that was there before is another's until
    the name is proven."""
    if before["feedback_enabled"] == after["feedback_enabled"] or ("ownership" in before and "verified_at" not in before):
        return
    with asking():
        identities.set_feedback(after["domain"], after["feedback_enabled"])
