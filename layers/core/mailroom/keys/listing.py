"""Lists of API keys, newest first."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.http.tokens import Paging
from mailroom.keys.record import KeyRecord, is_public
from mailroom.keys.render import api_key
from mailroom.keys.scopes import Route, owner_keys, scope_of
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Query, Reads


class ListQuery(NamedTuple):
    paging: Paging
    type: str | None


def list_api_keys(caller: Caller, route: Route, query: ListQuery, *, items: ItemStore) -> dict[str, Any]:
    """`ListApiKeysResponse`: the keys bound to exactly the route's scope; without a prefix, all that the caller can see. Where only
    one type is wanted, a page may be short, or empty, and go on.

    Raises NotFound for a pod or inbox that is not there.
    """
    paging = query.paging
    reading = _reading(caller, route, paging, items=items)
    rows = items.query(reading)
    more = len(rows) > paging.limit
    rows = rows[: paging.limit]
    shown = [api_key(record) for record in _load(caller.organization_id, rows, items=items) if _is_of(record, query.type)]
    return _page(paging, shown, [rows[-1]["sk"]] if more else None)


def list_reads(o: str, route: Route, paging: Paging) -> Reads:
    """What `list_api_keys` asks for, as far as the route tells the scope."""
    if route.inbox_id is not None:
        return Reads(owner_keys(o, route), (_scope_query(o, "inbox", route.inbox_id, paging),))
    if route.pod_id is not None:
        return Reads(owner_keys(o, route), (_scope_query(o, "pod", route.pod_id, paging),))
    return Reads(queries=(_organization_query(o, paging),))


def _organization_query(o: str, paging: Paging) -> Query:
    """Ids sort by creation, so the records themselves are the organization's list."""
    low, high = keys.api_key_range()
    return _query("core", o, paging, low, high)


def _scope_query(o: str, kind: str, scope_id: str, paging: Paging) -> Query:
    return _query("idx", keys.api_key_list(o, kind, scope_id), paging)


def _reading(caller: Caller, route: Route, paging: Paging, *, items: ItemStore) -> Query:
    o = caller.organization_id
    if route == Route():
        if caller.scope_type == "organization":
            return _organization_query(o, paging)
        kind = "within" if caller.scope_type == "pod" else caller.scope_type
        return _scope_query(o, kind, caller.scope_id, paging)
    scope = scope_of(caller, route, items=items)
    return _scope_query(o, scope.type, scope.id, paging)


def _query(table: Any, pk: str, paging: Paging, low: str | None = None, high: str | None = None) -> Query:
    start = None if paging.position is None else (pk, str(paging.position[0]))
    return Query(table, pk, paging.limit + 1, low, high, descending=not paging.ascending, start=start)


def _is_of(record: KeyRecord, wanted: str | None) -> bool:
    return wanted is None or (wanted == "public_key") == is_public(record)


def _load(o: str, rows: list[Item], *, items: ItemStore) -> list[KeyRecord]:
    """Index rows lead to the records; a key deleted in between is left out."""
    if rows and "name" not in rows[0]:
        wanted = [keys.api_key_record(o, keys.index_identity(row["sk"])) for row in rows]
        found = items.batch_get(wanted)
        rows = [found[key] for key in wanted if key in found]
    return [cast(KeyRecord, row) for row in rows]


def _page(paging: Paging, items: list[dict[str, Any]], position: list[Any] | None) -> dict[str, Any]:
    """This list has no `limit` field."""
    page = paging.finish("api_keys", items, position)
    del page["limit"]
    return page
