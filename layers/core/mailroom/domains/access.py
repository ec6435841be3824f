"""Which registered domains exist for a caller: by name in any case, or by client id (spec: domains.md, README 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mailroom.callers import Caller
from mailroom.domains.record import DomainRecord, record_of
from mailroom.errors import NotFound
from mailroom.mail.addresses import ascii_domain
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Reads

if TYPE_CHECKING:
    from mailroom.http.endpoint import Request


def domain_reads(o: str, request: Request) -> Reads:
    """What `require_domain` asks for first, to be prefetched."""
    return Reads(_target_keys(o, request.path["domain_id"]))


def require_domain(caller: Caller, domain_id: str, *, pod_id: str | None = None, items: ItemStore) -> DomainRecord:
    """The domain with this name or client id. Raises NotFound when it is unknown, or outside the caller's scope or the route's pod:
    a pod uses the organization's domains, but they are not its own."""
    o = caller.organization_id
    by_name, by_client_id = _target_keys(o, domain_id)
    rows = items.batch_get([by_name, by_client_id])
    row = rows.get(by_name)
    if row is None and (mapped := rows.get(by_client_id)) is not None:
        row = items.get(keys.domain(o, mapped["id"]))
    if row is None or not belongs(row, caller, pod_id):
        raise NotFound
    return record_of(row)


def belongs(row: Item, caller: Caller, pod_id: str | None) -> bool:
    """To the caller's pod and to the route's, where they have one. A pod that has a domain is live: its deletion is refused."""
    return all(row.get("pod_id") == wanted for wanted in {caller.pod_id, pod_id} - {None})


def _target_keys(o: str, domain_id: str) -> tuple[Key, Key]:
    return keys.domain(o, ascii_domain(domain_id)), keys.client_id(o, "domain", domain_id)
