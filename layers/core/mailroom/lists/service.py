"""Listing, reading, adding and deleting the entries of one scope (spec: lists.md, "Endpoints")."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.errors import Forbidden, LimitExceeded, NotFound, RaceCondition
from mailroom.keys.scopes import Route, Scope, owner_keys, scope_of, still_there
from mailroom.lists.counts import lowered, raised
from mailroom.lists.entries import entry_named
from mailroom.lists.model import CreateListEntry, ListPage, list_entry
from mailroom.lists.record import ListEntryRecord, ListName, record_of
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    AllOf,
    ConditionFailed,
    Delete,
    Item,
    ItemStore,
    Key,
    Lacks,
    Present,
    Put,
    Query,
    Reads,
    Set,
    TransactionCancelled,
    all_of,
)
from mailroom.store.races import attempts

_ENTRY = 0
_COUNT = 1
"""Places in the transaction that adds one."""


def page_reads(o: str, route: Route, page: ListPage | None) -> Reads:
    """What `list_entries` asks for, as far as the route tells the scope."""
    query = () if page is None else (_page_query(o, route, page),)
    return Reads(owner_keys(o, route), query)


def entry_reads(o: str, route: Route, name: ListName | None, entry: str) -> Reads:
    """What `get_list_entry` and `delete_list_entry` ask for, as far as the route tells the scope."""
    key = () if name is None else (_key(o, route, name, entry_named(entry)),)
    return Reads((*owner_keys(o, route), *key))


def list_entries(caller: Caller, route: Route, page: ListPage, *, items: ItemStore) -> dict[str, Any]:
    """`ListListEntriesResponse`, by entry: those of exactly the route's scope; without a prefix, the caller's. Raises NotFound."""
    scope = scope_of(caller, route, items=items)
    paging = page.paging
    records = [record_of(row) for row in items.query(_page_query(caller.organization_id, scope, page))]
    here = records[: paging.limit]
    behind = [here[-1]["entry"]] if len(records) > len(here) else None
    return paging.finish("entries", [list_entry(record) for record in here], behind)


def get_list_entry(caller: Caller, route: Route, name: ListName, entry: str, *, items: ItemStore) -> dict[str, Any]:
    """The `ListEntry`. Raises NotFound."""
    scope = scope_of(caller, route, items=items)
    row = items.get(_key(caller.organization_id, scope, name, entry_named(entry)))
    if row is None:
        raise NotFound
    return list_entry(record_of(row))


def require_may_create(caller: Caller, name: ListName) -> None:
    """An agent that no human answers for must not choose whom it writes to. Raises MissingPermission."""
    if caller.unverified and name.direction == "send":
        raise caller.lacks("list_entry_create")


def create_list_entry(
    caller: Caller, route: Route, name: ListName, body: CreateListEntry, *, items: ItemStore, clock: Clock, config: Config
) -> dict[str, Any]:
    """The `ListEntry`. One that is there already is returned, with the reason that is given; the service's own as it is.

    Raises NotFound (pod or inbox), LimitExceeded, RaceCondition.
    """
    o, scope = caller.organization_id, scope_of(caller, route, items=items)
    key = _key(o, scope, name, body["entry"])
    for _ in attempts():
        row = items.get(key)
        try:
            if row is not None:
                return list_entry(_with_reason(key, row, body.get("reason"), items=items))
            record = _record(o, scope, name, body, clock())
            _add(o, scope, record, config.list_entry_limit, items=items)
            return list_entry(record)
        except (ConditionFailed, TransactionCancelled):
            continue
    raise RaceCondition


def delete_list_entry(caller: Caller, route: Route, name: ListName, entry: str, *, items: ItemStore) -> None:
    """Raises NotFound, Forbidden for the service's own entries, RaceCondition."""
    o, scope = caller.organization_id, scope_of(caller, route, items=items)
    key = _key(o, scope, name, entry_named(entry))
    for _ in attempts():
        row = items.get(key)
        if row is None:
            raise NotFound
        if row.get("read_only"):
            raise Forbidden("The entry is read-only", fix="Only the operator can remove what the service has added.")
        try:
            items.transact([Delete(key, _callers_own()), *lowered(o, scope, name)])
            return
        except TransactionCancelled:
            continue
    raise RaceCondition


def _key(o: str, scope: Scope | Route, name: ListName, entry: str) -> Key:
    return keys.list_entry(o, name.direction, name.list_type, entry, pod_id=scope.pod_id, inbox_id=scope.inbox_id)


def _page_query(o: str, scope: Scope | Route, page: ListPage) -> Query:
    """One entry more than the page has room for."""
    partition = keys.lists(o, pod_id=scope.pod_id, inbox_id=scope.inbox_id)
    low, high = keys.list_range(page.name.direction, page.name.list_type)
    position = page.paging.position
    start = None if position is None else (partition, _key(o, scope, page.name, position[0]).sk)
    return Query("core", partition, page.paging.limit + 1, low, high, start=start)


def _record(o: str, scope: Scope, name: ListName, body: CreateListEntry, now: int) -> ListEntryRecord:
    entry = body["entry"]
    record = ListEntryRecord(
        entry=entry,
        organization_id=o,
        direction=name.direction,
        list_type=name.list_type,
        entry_type="email" if "@" in entry else "domain",
        created_at=now,
    )
    optional = {"reason": body.get("reason"), "pod_id": scope.pod_id, "inbox_id": scope.inbox_id}
    return cast(ListEntryRecord, {**record, **{field: value for field, value in optional.items() if value is not None}})


def _add(o: str, scope: Scope, record: ListEntryRecord, limit: int, *, items: ItemStore) -> None:
    """Raises TransactionCancelled where the entry was just made, NotFound where its inbox or pod is going away."""
    name = ListName(record["direction"], record["list_type"])
    row = Put(_key(o, scope, name, record["entry"]), cast(Item, dict(record)), Absent())
    try:
        items.transact([row, *raised(o, scope, name, limit), *still_there(o, scope)])
    except TransactionCancelled as cancelled:
        if _ENTRY in cancelled.failures:
            raise
        if _COUNT in cancelled.failures:
            raise LimitExceeded("The list is full", fix="Delete entries first, or list a domain.") from cancelled
        raise NotFound from cancelled


def _with_reason(key: Key, row: Item, reason: str | None, *, items: ItemStore) -> ListEntryRecord:
    """Raises ConditionFailed where the entry has just gone or become the service's."""
    if reason is None or row.get("read_only") or row.get("reason") == reason:
        return record_of(row)
    return record_of(items.update(key, (Set("reason", reason),), _callers_own()))


def _callers_own() -> AllOf:
    return all_of(Present(), Lacks("read_only"))
