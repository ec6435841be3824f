"""Registering a domain: one transaction over its row, claim and family, the list, counters and client id (spec: domains.md)."""

from __future__ import annotations

import secrets
from typing import Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.domains.access import belongs
from mailroom.domains.claiming import Family, claiming, family_of, family_reads, needs_proof, refuse_claimed
from mailroom.domains.dns import expected, hosts_of
from mailroom.domains.exchangers import exchangers, google_among
from mailroom.domains.listing import listing
from mailroom.domains.model import CreateDomain, domain
from mailroom.domains.provider import asking, remove_later
from mailroom.domains.record import DomainRecord, record_of
from mailroom.errors import LimitExceeded, NotFound, RaceCondition, Unprocessable, ValidationError
from mailroom.inboxes.record import live
from mailroom.ports import Identities, Identity, Queues, Resolver
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Add,
    AtMost,
    Item,
    ItemStore,
    Present,
    Put,
    Reads,
    TransactionCancelled,
    Update,
)
from mailroom.store.races import attempts

MAX_NAME = 253
"""Characters of a name in DNS."""


class Place(NamedTuple):
    """Whose the new domain will be."""

    organization_id: str
    pod_id: str | None


class Surroundings(NamedTuple):
    family: Family
    existing: Item | None
    """The domain that has the client id already."""
    domain_count: int


def create_domain(
    caller: Caller,
    body: CreateDomain,
    *,
    pod_id: str | None = None,
    items: ItemStore,
    identities: Identities,
    resolver: Resolver,
    queues: Queues,
    clock: Clock,
    config: Config,
) -> dict[str, Any]:
    """The new `Domain`, or the one that has the same client id.

    Raises ValidationError, NotFound (pod), AlreadyExists, ResourceTaken, Unprocessable, LimitExceeded, ServiceUnavailable,
    RaceCondition.
    """
    name, place = body["domain"], Place(caller.organization_id, pod_id or caller.pod_id)
    _refuse_default(name, config)
    identity: Identity | None = None
    kept = False
    try:
        for _ in attempts():
            around = _surroundings(place, body, items=items)
            if around.existing is not None:
                return domain(_replayed(around.existing, caller, pod_id))
            refuse_claimed(place.organization_id, around.family)
            if identity is None:
                _refuse_other_provider(body, resolver=resolver)
            if config.domain_limit is not None and around.domain_count >= config.domain_limit:
                raise LimitExceeded("Domain limit reached", fix="Delete a domain first.")
            if identity is None:
                with asking():
                    identity = identities.register(name, place.organization_id, feedback=body.get("feedback_enabled", True))
            record = _record(place, body, identity, around.family, clock(), config)
            try:
                items.transact(_creation(place, record, around.family, config.domain_limit))
            except TransactionCancelled:
                continue
            kept = True
            return domain(record)
        raise RaceCondition
    finally:
        if identity is not None and not kept:
            remove_later(place.organization_id, name, queues=queues)


def _refuse_default(name: str, config: Config) -> None:
    if f".{name}".endswith(f".{config.domain}"):
        raise ValidationError.at("domain", f"{config.domain} and what is below it belong to this deployment")


def _surroundings(place: Place, body: CreateDomain, *, items: ItemStore) -> Surroundings:
    """In one trip, and one more to replay. Raises NotFound where the pod is not there."""
    o, family = place.organization_id, family_reads(body["domain"])
    pods = (keys.pod(o, place.pod_id),) if place.pod_id else ()
    mapped = (keys.client_id(o, "domain", body["client_id"]),) if "client_id" in body else ()
    found = items.fetch(Reads((*family.keys, keys.organization(o), *pods, *mapped), family.queries))
    if any("state" in found.items.get(key, {"state": "gone"}) for key in pods):
        raise NotFound
    replayed = [items.get(keys.domain(o, found.items[key]["id"])) for key in mapped if key in found.items]
    count = found.items.get(keys.organization(o), {}).get("domain_count", 0)
    return Surroundings(family_of(body["domain"], found), replayed[0] if replayed else None, count)


def _replayed(row: Item, caller: Caller, pod_id: str | None) -> DomainRecord:
    if not belongs(row, caller, pod_id):
        raise NotFound
    return record_of(row)


def _refuse_other_provider(body: CreateDomain, *, resolver: Resolver) -> None:
    if not body.get("inbound_enabled", True) or body.get("allow_conflicting_provider"):
        return
    if google_among(exchangers(body["domain"], resolver=resolver)):
        raise Unprocessable(
            "Mail to this domain goes to Google Workspace",
            fix="Use a subdomain, switch inbound_enabled off, or send allow_conflicting_provider.",
        )


def _record(place: Place, body: CreateDomain, identity: Identity, family: Family, now: int, config: Config) -> DomainRecord:
    record = DomainRecord(
        domain=body["domain"],
        status="NOT_STARTED",
        feedback_enabled=body.get("feedback_enabled", True),
        inbound_enabled=body.get("inbound_enabled", True),
        subdomains_enabled=body.get("subdomains_enabled", False),
        tracking_enabled=body.get("tracking_enabled", False),
        records=[],
        inbound_host=identity.inbound_host,
        created_at=now,
        updated_at=now,
        ver=now,
    )
    if place.pod_id is not None:
        record["pod_id"] = place.pod_id
    if "client_id" in body:
        record["client_id"] = body["client_id"]
    if identity.foreign or needs_proof(place.organization_id, family):
        record["ownership"] = secrets.token_hex(20)
    record["records"] = expected(record, identity, hosts_of(config))
    if any(len(each["name"]) > MAX_NAME for each in record["records"]):
        raise Unprocessable("The domain is so long that the names of its records would not fit in DNS")
    return record


def _creation(place: Place, record: DomainRecord, family: Family, limit: int | None) -> list[Action]:
    o, name = place.organization_id, record["domain"]
    below_limit = Present() if limit is None else AtMost("domain_count", limit - 1)
    actions: list[Action] = [
        Put(keys.domain(o, name), cast(Item, dict(record)), Absent()),
        *claiming(o, record, family),
        listing(o, record),
        Update(keys.organization(o), (Add("domain_count", 1),), below_limit),
    ]
    if place.pod_id is not None:
        actions.append(Update(keys.pod(o, place.pod_id), (Add("domain_count", 1),), live()))
    if "client_id" in record:
        actions.append(Put(keys.client_id(o, "domain", record["client_id"]), {"id": name}, Absent()))
    return actions
