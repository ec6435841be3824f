"""Reading domains, one or a page of them (spec: domains.md, "List")."""

from __future__ import annotations

from typing import Any

from mailroom.callers import Caller
from mailroom.domains.access import belongs, require_domain
from mailroom.domains.model import domain, domain_item
from mailroom.domains.record import DomainRecord, record_of
from mailroom.http.tokens import Paging
from mailroom.pods.access import require_pod
from mailroom.pods.listing import listed
from mailroom.store import keys
from mailroom.store.port import ItemStore, Key, Put, Query, Reads


def get_domain(caller: Caller, domain_id: str, *, pod_id: str | None = None, items: ItemStore) -> dict[str, Any]:
    """The `Domain`. Raises NotFound."""
    return domain(require_domain(caller, domain_id, pod_id=pod_id, items=items))


def list_domains(caller: Caller, paging: Paging, *, pod_id: str | None = None, items: ItemStore) -> dict[str, Any]:
    """`ListDomainsResponse`, newest first: the pod's own or, without one, those of the caller's scope. Raises NotFound (pod)."""
    o = caller.organization_id
    if pod_id is not None:
        require_pod(caller, pod_id, items=items)
    rows = items.query(_list_query(o, pod_id or caller.pod_id, paging))
    page = rows[: paging.limit]
    wanted = [keys.domain(o, keys.index_identity(row["sk"])) for row in page]
    found = items.batch_get(wanted)
    # A row may have been deleted since its entry was read, and even created again in another pod.
    there = [found[key] for key in wanted if key in found and belongs(found[key], caller, pod_id)]
    position = [page[-1]["sk"]] if len(rows) > paging.limit else None
    return paging.finish("domains", [domain_item(record_of(row)) for row in there], position)


def list_reads(o: str, pod_id: str | None, paging: Paging) -> Reads:
    """What `list_domains` asks for, as far as the route tells the scope."""
    return Reads(() if pod_id is None else (keys.pod(o, pod_id),), (_list_query(o, pod_id, paging),))


def listing(o: str, record: DomainRecord) -> Put:
    """The entry in the organization's list and, through its index, in the pod's."""
    return Put(listing_key(o, record), {"by_pod": keys.domain_list_of_pod(o, record["pod_id"])} if "pod_id" in record else {})


def listing_key(o: str, record: DomainRecord) -> Key:
    return Key("idx", keys.domain_list(o), keys.listing_sort(record["created_at"], record["domain"]))


def _list_query(o: str, pod_id: str | None, paging: Paging) -> Query:
    return listed(keys.domain_list(o), None if pod_id is None else keys.domain_list_of_pod(o, pod_id), paging)
