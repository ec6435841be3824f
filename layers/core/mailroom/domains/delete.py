"""Deleting a domain: its inboxes stop sending and receiving at once, its name is remembered (spec: domains.md, "Delete")."""

from __future__ import annotations

from contextlib import suppress
from typing import cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.domains.access import require_domain
from mailroom.domains.listing import listing_key
from mailroom.domains.provider import asking
from mailroom.domains.record import ClaimRecord, DomainRecord
from mailroom.domains.requests import remove_later
from mailroom.errors import NotFound, ServiceUnavailable
from mailroom.ports import Identities, Queues
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    Add,
    Delete,
    Equals,
    Item,
    ItemStore,
    Present,
    Put,
    TransactionCancelled,
    Update,
    all_of,
)


def delete_domain(
    caller: Caller,
    domain_id: str,
    *,
    pod_id: str | None = None,
    items: ItemStore,
    identities: Identities,
    queues: Queues,
    clock: Clock,
) -> None:
    """The domain is gone and its client id is free. Raises NotFound."""
    o = caller.organization_id
    record = require_domain(caller, domain_id, pod_id=pod_id, items=items)
    # Queued before the state changes: a crash in between leaves a request that finds the domain there, never a lost identity.
    remove_later(o, record["domain"], queues=queues)
    try:
        items.transact(_deletion(o, record, clock()))
    except TransactionCancelled as cancelled:
        raise NotFound from cancelled
    # Now, so that a registration that follows gets an identity of its own. Where the provider fails, the message above remains.
    with suppress(ServiceUnavailable), asking():
        identities.remove(record["domain"], o)


def _deletion(o: str, record: DomainRecord, now: int) -> list[Action]:
    """Asks for the creation it has read and not for its version: a check that has just been stored does not stand in the way."""
    name = record["domain"]
    own = all_of(Equals("organization_id", o), Equals("state", "live"))
    actions: list[Action] = [
        Delete(keys.domain(o, name), Equals("created_at", record["created_at"])),
        Put(keys.domain_claim(name), cast(Item, dict(_released(o, now))), own),
        Delete(keys.family_domain(name)),
        Delete(listing_key(o, record)),
        Update(keys.organization(o), (Add("domain_count", -1),), Present()),
    ]
    if "pod_id" in record:
        actions.append(Update(keys.pod(o, record["pod_id"]), (Add("domain_count", -1),), Present()))
    if "client_id" in record:
        actions.append(Delete(keys.client_id(o, "domain", record["client_id"])))
    return actions


def _released(o: str, now: int) -> ClaimRecord:
    return ClaimRecord(
        organization_id=o,
        state="released",
        sends=False,
        receives=False,
        receives_below=False,
        subdomains=False,
        tracks=False,
        feedback=False,
        released_at=now,
    )
