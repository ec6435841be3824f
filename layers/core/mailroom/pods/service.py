"""Creating, reading and listing pods (spec: pods.md)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import RaceCondition
from mailroom.http.tokens import Paging
from mailroom.ids import uuid7
from mailroom.pods.access import require_pod
from mailroom.pods.model import CreatePod, pod
from mailroom.pods.record import PodRecord, record_of
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Item, ItemStore, Put, Query, Reads, TransactionCancelled
from mailroom.store.races import attempts

MAX_INBOX_IDS = 100


def list_pods(caller: Caller, paging: Paging, *, items: ItemStore) -> dict[str, Any]:
    """`ListPodsResponse`, newest first; for a key of a pod, that one. A page may lack pods that are being deleted."""
    o = caller.organization_id
    if caller.pod_id is not None:
        return paging.finish("pods", _shown(o, [require_pod(caller, caller.pod_id, items=items)], items=items), None)
    rows = items.query(list_query(o, paging))
    page = rows[: paging.limit]
    position = [page[-1]["pod_id"]] if len(rows) > paging.limit else None
    return paging.finish("pods", _shown(o, [record_of(row) for row in page if "state" not in row], items=items), position)


def list_query(o: str, paging: Paging) -> Query:
    """Ids sort by creation, so the records themselves are the list."""
    low, high = keys.pod_range()
    start = None if paging.position is None else (o, keys.pod(o, str(paging.position[0])).sk)
    return Query("core", o, paging.limit + 1, low, high, descending=not paging.ascending, start=start)


def create_pod(caller: Caller, body: CreatePod, *, items: ItemStore, clock: Clock) -> dict[str, Any]:
    """The new `Pod`, or the one that has the same client id. Raises RaceCondition."""
    o = caller.organization_id
    for _ in attempts():
        existing = _replay(o, body.get("client_id"), items=items)
        if existing is not None:
            return _shown(o, [existing], items=items)[0]
        record = _record(body, clock())
        try:
            items.transact(_creation(o, record))
        except TransactionCancelled:
            continue
        return pod(record, [])
    raise RaceCondition


def get_pod(caller: Caller, pod_id: str, *, items: ItemStore) -> dict[str, Any]:
    """The `Pod`. Raises NotFound."""
    return _shown(caller.organization_id, [require_pod(caller, pod_id, items=items)], items=items)[0]


def pod_reads(o: str, pod_id: str) -> Reads:
    """What `get_pod` asks for, to be prefetched."""
    return Reads((keys.pod(o, pod_id),), (_newest(o, pod_id),))


def _replay(o: str, client_id: str | None, *, items: ItemStore) -> PodRecord | None:
    mapped = items.get(keys.client_id(o, "pod", client_id)) if client_id else None
    row = items.get(keys.pod(o, mapped["id"])) if mapped else None
    return record_of(row) if row is not None and "state" not in row else None


def _record(body: CreatePod, now: int) -> PodRecord:
    pod_id = uuid7(now)
    name = body.get("name") or body.get("client_id") or f"Pod {pod_id[:8]}"
    record = PodRecord(pod_id=pod_id, name=name, inbox_count=0, created_at=now, updated_at=now)
    if "description" in body:
        record["description"] = body["description"]
    if "client_id" in body:
        record["client_id"] = body["client_id"]
    return record


def _creation(o: str, record: PodRecord) -> list[Action]:
    actions: list[Action] = [Put(keys.pod(o, record["pod_id"]), cast(Item, dict(record)), Absent())]
    if "client_id" in record:
        actions.append(Put(keys.client_id(o, "pod", record["client_id"]), {"id": record["pod_id"]}, Absent()))
    return actions


def _shown(o: str, records: Iterable[PodRecord], *, items: ItemStore) -> list[dict[str, Any]]:
    """In one trip for all that have inboxes."""
    records = list(records)
    wanted = {record["pod_id"]: _newest(o, record["pod_id"]) for record in records if record["inbox_count"] > 0}
    pages = items.fetch(Reads(queries=tuple(wanted.values()))).pages if wanted else {}
    found = {pod_id: [keys.index_identity(row["sk"]) for row in pages[query]] for pod_id, query in wanted.items()}
    return [pod(record, found.get(record["pod_id"], [])) for record in records]


def _newest(o: str, pod_id: str) -> Query:
    partition = keys.inbox_list_of_pod(o, pod_id)
    return Query("idx", partition, MAX_INBOX_IDS, descending=True, index="by_pod")
