"""Custom domains and inboxes on them, written as their endpoints write them: for tests of what a domain means for mail."""

from __future__ import annotations

from typing import Any, cast

from mailroom.domains.record import DomainRecord, claim_of
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, Put, Set


def verified_domain(runtime: Runtime, o: str, name: str, **flags: Any) -> DomainRecord:
    """VERIFIED, claimed by the organization, and known to the mail provider. `flags`: other fields of the record; None takes one
    away."""
    runtime.identities.register(name, o, feedback=True)
    now = runtime.clock()
    fields: dict[str, Any] = {
        "domain": name,
        "status": "VERIFIED",
        "feedback_enabled": True,
        "inbound_enabled": True,
        "subdomains_enabled": False,
        "tracking_enabled": False,
        "records": [],
        "created_at": now,
        "updated_at": now,
        "ver": now,
        "verified_at": now,
    } | flags
    record = cast(DomainRecord, {field: value for field, value in fields.items() if value is not None})
    rows = [Put(keys.domain(o, name), cast(Item, record)), Put(keys.domain_claim(name), cast(Item, claim_of(o, record)))]
    runtime.items.transact(rows)
    return record


def unverified_domain(runtime: Runtime, o: str, name: str, **flags: Any) -> DomainRecord:
    """Registered, and never VERIFIED so far."""
    return verified_domain(runtime, o, name, status="PENDING", verified_at=None, **flags)


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
