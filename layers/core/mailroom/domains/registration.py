"""A new domain as it is stored: one transaction over its row, claim and family, list, counters and client id (design: data.md)."""

from __future__ import annotations

import secrets
from typing import NamedTuple, cast

from mailroom.config import Config
from mailroom.domains.claiming import Family, claiming, needs_proof
from mailroom.domains.dns import expected, hosts_of
from mailroom.domains.listing import listing
from mailroom.domains.model import CreateDomain
from mailroom.domains.record import DomainRecord
from mailroom.errors import Unprocessable
from mailroom.inboxes.record import live
from mailroom.ports import Identity
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Add, AtMost, Item, Present, Put, Update

MAX_NAME = 253
"""Characters of a name in DNS."""


class Place(NamedTuple):
    """Whose the new domain will be."""

    organization_id: str
    pod_id: str | None


def new_record(place: Place, body: CreateDomain, identity: Identity, family: Family, now: int, config: Config) -> DomainRecord:
    """Raises Unprocessable where its records would have longer names than DNS allows."""
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


def registration(place: Place, record: DomainRecord, family: Family, limit: int | None) -> list[Action]:
    """Cancelled where anything it was decided by has changed: the name, its family, the limit, the pod, the client id."""
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
