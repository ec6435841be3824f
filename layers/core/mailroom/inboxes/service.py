"""Reading, changing and deleting inboxes (spec: inboxes.md)."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import RaceCondition, ResourceDeleting, ValidationError
from mailroom.http.tokens import Paging
from mailroom.inboxes.access import in_reach, require_inbox
from mailroom.inboxes.create import listing_key
from mailroom.inboxes.model import UpdateInbox, inbox, merged
from mailroom.inboxes.purge import purge_request
from mailroom.inboxes.record import InboxRecord
from mailroom.inboxes.words import added, removed
from mailroom.keys.bound import revoke_bound_keys
from mailroom.pods.access import require_pod
from mailroom.pods.listing import listed
from mailroom.ports import Queues
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    Add,
    AllOf,
    Change,
    Delete,
    Equals,
    ItemStore,
    Lacks,
    Present,
    Query,
    Reads,
    Remove,
    Set,
    TransactionCancelled,
    Update,
    all_of,
)
from mailroom.store.races import attempts

SAFETY_NET_S = 60


def get_inbox(caller: Caller, inbox_id: str, *, items: ItemStore, pod_id: str | None = None) -> dict[str, Any]:
    """The `Inbox`. Raises NotFound."""
    return inbox(require_inbox(caller, inbox_id, items=items, pod_id=pod_id))


def list_inboxes(caller: Caller, paging: Paging, *, items: ItemStore, pod_id: str | None = None) -> dict[str, Any]:
    """`ListInboxesResponse`, newest first: of the pod or, without one, of the caller's own scope. Raises NotFound (pod)."""
    o = caller.organization_id
    if pod_id is not None:
        require_pod(caller, pod_id, items=items)
    if caller.inbox_id is not None:
        row = items.get(keys.inbox(o, caller.inbox_id))
        return paging.finish("inboxes", [inbox(cast(InboxRecord, row))] if row and "state" not in row else [], None)
    rows = items.query(_list_query(o, pod_id or caller.pod_id, paging))
    page = rows[: paging.limit]
    wanted = [keys.inbox(o, keys.index_identity(row["sk"])) for row in page]
    found = items.batch_get(wanted)
    # A row may have been deleted, and even created again, since its entry was read.
    live_rows = [found[key] for key in wanted if key in found and "state" not in found[key]]
    position = [page[-1]["sk"]] if len(rows) > paging.limit else None
    return paging.finish("inboxes", [inbox(cast(InboxRecord, row)) for row in live_rows], position)


def list_reads(o: str, pod_id: str | None, paging: Paging) -> Reads:
    """What `list_inboxes` asks for, as far as the route tells the scope."""
    return Reads(() if pod_id is None else (keys.pod(o, pod_id),), (_list_query(o, pod_id, paging),))


def _list_query(o: str, pod_id: str | None, paging: Paging) -> Query:
    return listed(keys.inbox_list(o), None if pod_id is None else keys.inbox_list_of_pod(o, pod_id), paging)


def update_inbox(
    caller: Caller, inbox_id: str, body: UpdateInbox, *, items: ItemStore, clock: Clock, pod_id: str | None = None
) -> dict[str, Any]:
    """The changed `Inbox`. Raises ValidationError, NotFound, RaceCondition, ResourceDeleting."""
    if not body:
        raise ValidationError.at((), "Send at least one of display_name, status, metadata")
    o = caller.organization_id
    record = in_reach(caller, items.get(keys.inbox(o, inbox_id)), pod_id=pod_id)
    if "state" in record:
        raise ResourceDeleting
    changed = _changed(record, body, clock())
    try:
        items.transact(_update(o, record, changed))
    except TransactionCancelled as cancelled:
        now_there = cancelled.failures.get(0)
        raise ResourceDeleting if now_there and "state" in now_there else RaceCondition from cancelled
    return inbox(changed)


def delete_inbox(caller: Caller, inbox_id: str, *, items: ItemStore, queues: Queues, pod_id: str | None = None) -> None:
    """The inbox is gone for all at once; what it held is purged through the queue. Raises NotFound, RaceCondition."""
    o = caller.organization_id
    record = require_inbox(caller, inbox_id, items=items, pod_id=pod_id)
    # Queued before the state changes: a crash in between leaves a request that finds nothing to do, never an unpurged inbox.
    queues.send("purge", purge_request(o, inbox_id), delay_s=SAFETY_NET_S)
    for _ in attempts():
        try:
            items.transact(_deletion(o, record))
            break
        except TransactionCancelled:
            # Renamed meanwhile: the entries to remove are others.
            record = require_inbox(caller, inbox_id, items=items, pod_id=pod_id)
    else:
        raise RaceCondition
    while revoke_bound_keys(o, "inbox", inbox_id, items=items):
        continue
    queues.send("purge", purge_request(o, inbox_id))


def _changed(record: InboxRecord, body: UpdateInbox, now: int) -> InboxRecord:
    changed = record.copy()
    changed["updated_at"] = max(now, record["updated_at"] + 1)
    changed["ver"] = record["ver"] + 1
    if "display_name" in body:
        changed.pop("display_name", None)
        if body["display_name"]:
            changed["display_name"] = body["display_name"]
    if "status" in body:
        changed.pop("status", None)
        if body["status"] == "paused":
            changed["status"] = "paused"
    if "metadata" in body:
        metadata = merged(changed.pop("metadata", None), body["metadata"])
        if metadata is not None:
            changed["metadata"] = metadata
    return changed


def _update(o: str, record: InboxRecord, changed: InboxRecord) -> list[Action]:
    values = cast(dict[str, Any], changed)
    names = ("display_name", "status", "metadata", "updated_at", "ver")
    changes: tuple[Change, ...] = tuple(Set(name, values[name]) if name in values else Remove(name) for name in names)
    actions: list[Action] = [Update(keys.inbox(o, record["inbox_id"]), changes, _unchanged(record))]
    if record.get("status") != changed.get("status"):
        paused = Set("paused", True) if "status" in changed else Remove("paused")
        actions.append(Update(keys.address(record["inbox_id"]), (paused,), Present()))
    if record.get("display_name") != changed.get("display_name"):
        actions += [*removed(o, record, changed), *added(o, changed)]
    return actions


def _unchanged(record: InboxRecord) -> AllOf:
    return all_of(Equals("ver", record["ver"]), Lacks("state"))


def _deletion(o: str, record: InboxRecord) -> list[Action]:
    inbox_id = record["inbox_id"]
    actions: list[Action] = [
        Update(keys.inbox(o, inbox_id), (Set("state", "deleting"), Add("ver", 1)), _unchanged(record)),
        Update(keys.address(inbox_id), (Set("state", "deleting"),), Equals("organization_id", o)),
        Update(keys.organization(o), (Add("inbox_count", -1),), Present()),
        Update(keys.pod(o, record["pod_id"]), (Add("inbox_count", -1),), Present()),
        Delete(listing_key(o, record)),
        *removed(o, record),
    ]
    if "client_id" in record:
        actions.append(Delete(keys.client_id(o, "inbox", record["client_id"])))
    return actions
