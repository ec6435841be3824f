"""Registering a domain (spec: domains.md, "Create")."""

from __future__ import annotations

from typing import Any, NamedTuple

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.domains.access import belongs
from mailroom.domains.claiming import Family, family_of, family_reads, refuse_claimed
from mailroom.domains.exchangers import exchangers, google_among
from mailroom.domains.model import CreateDomain, domain
from mailroom.domains.provider import asking
from mailroom.domains.record import DomainRecord, record_of
from mailroom.domains.registration import Place, new_record, registration
from mailroom.domains.requests import remove_later
from mailroom.errors import LimitExceeded, NotFound, RaceCondition, Unprocessable, ValidationError
from mailroom.organizations.limits import domain_limit, when_reached
from mailroom.ports import Identities, Identity, Queues, Resolver
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Reads, TransactionCancelled
from mailroom.store.races import attempts


class Surroundings(NamedTuple):
    family: Family
    existing: Item | None
    """The domain that has the client id already."""
    organization: Item | None


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
            limit = domain_limit(around.organization, config)
            if limit == 0:
                # An agent that nobody knows must not learn here which names are taken, nor have any looked up.
                raise _full(around.organization)
            if _is_torn(place.organization_id, body, around.family, items=items):
                continue
            refuse_claimed(place.organization_id, around.family)
            if identity is None:
                _refuse_other_provider(body, resolver=resolver)
            if limit is not None and around.organization is not None and around.organization["domain_count"] >= limit:
                raise _full(around.organization)
            if identity is None:
                with asking():
                    identity = identities.register(name, place.organization_id, feedback=body.get("feedback_enabled", True))
            record = new_record(place, body, identity, around.family, clock(), config)
            try:
                items.transact(registration(place, record, around.family, limit))
            except TransactionCancelled:
                continue
            kept = True
            return domain(record)
        raise RaceCondition
    finally:
        if identity is not None and not kept:
            remove_later(place.organization_id, name, queues=queues)


def _full(organization: Item | None) -> LimitExceeded:
    return LimitExceeded("Domain limit reached", fix=when_reached(organization, "a domain"))


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
    organization = found.items.get(keys.organization(o))
    return Surroundings(family_of(body["domain"], found), replayed[0] if replayed else None, organization)


def _is_torn(o: str, body: CreateDomain, family: Family, *, items: ItemStore) -> bool:
    """Whether the domain was created or deleted under the client id while we looked: what is read together is not read at the same
    moment, and the claim may tell of the domain where the client id does not yet, or not any more."""
    claim = family.claim
    if "client_id" not in body or claim is None or claim["state"] != "live" or claim["organization_id"] != o:
        return False
    row = items.get(keys.domain(o, body["domain"]))
    return row is None or row.get("client_id") == body["client_id"]


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
