"""Custom domains and inboxes on them, written as their endpoints write them, and all that makes a domain VERIFIED."""

from __future__ import annotations

from typing import Any, cast

from mailroom.domains.dns import expected, hosts_of
from mailroom.domains.record import DomainRecord, claim_of
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, Put, Set
from tests.support import ses
from tests.support.fakes import Names


def registered(runtime: Runtime, o: str, name: str, **given: Any) -> DomainRecord:
    """A new domain: its identity, its row and its claim. `given`: other fields of the record."""
    identity, now = runtime.identities.register(name, o, feedback=True), runtime.clock()
    flags = {"feedback_enabled": True, "inbound_enabled": True, "subdomains_enabled": False, "tracking_enabled": False}
    base = {"domain": name, "status": "NOT_STARTED", **flags, "inbound_host": identity.inbound_host, "records": []}
    record = cast(DomainRecord, {**base, "created_at": now, "updated_at": now, "ver": now, **given})
    record["records"] = expected(record, identity, hosts_of(runtime.config))
    row, claim = cast(Item, dict(record)), cast(Item, dict(claim_of(o, record)))
    runtime.items.transact([Put(keys.domain(o, name), row), Put(keys.domain_claim(name), claim)])
    return record


def publish(names: Names, record: DomainRecord) -> None:
    """Its owner does what he was asked to, and the provider sees it."""
    names.publish(cast(Any, record["records"]))
    if ses.identity(record["domain"]) is not None:
        ses.confirm(record["domain"])


def verified_domain(runtime: Runtime, o: str, name: str, **given: Any) -> DomainRecord:
    """VERIFIED, without anybody's having looked."""
    return registered(runtime, o, name, **{"status": "VERIFIED", "verified_at": runtime.clock(), **given})


def unverified_domain(runtime: Runtime, o: str, name: str, **given: Any) -> DomainRecord:
    """Registered, and never VERIFIED so far."""
    return registered(runtime, o, name, **{"status": "PENDING", **given})


def released_domain(runtime: Runtime, name: str) -> None:
    """Deleted: its claim stays behind."""
    runtime.items.update(keys.domain_claim(name), (Set("state", "released"), Set("released_at", runtime.clock())))


def inbox_at(runtime: Runtime, o: str, address: str, *, pod_id: str = "pod-1", **given: Any) -> str:
    """An inbox of any address, whatever its domain."""
    now = runtime.clock()
    record: Item = {"inbox_id": address, "pod_id": pod_id, "created_at": now, "updated_at": now, "ver": now, **given}
    routing: Item = {"organization_id": o, "inbox_id": address, "pod_id": pod_id, "state": "live"}
    runtime.items.transact([Put(keys.inbox(o, address), record), Put(keys.address(address), routing)])
    return address
