"""Which scope a key route speaks of, and which keys exist for a caller there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from mailroom.callers import Caller, ScopeType
from mailroom.errors import NotFound
from mailroom.inboxes.access import require_inbox
from mailroom.inboxes.record import live
from mailroom.keys.record import KeyRecord
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import Check, Item, ItemStore, Key, Reads, without_key


class Scope(NamedTuple):
    """What a new key is bound to."""

    type: ScopeType
    id: str
    pod_id: str | None = None
    inbox_id: str | None = None


class Route(NamedTuple):
    """The ids that a key route names: none, a pod, or an inbox."""

    pod_id: str | None = None
    inbox_id: str | None = None


def route_of(path: Mapping[str, str]) -> Route:
    inbox_id = path.get("inbox_id")
    return Route(path.get("pod_id"), None if inbox_id is None else inbox_id.lower())


def scope_of(caller: Caller, route: Route, *, items: ItemStore) -> Scope:
    """The route's scope; without a prefix, the caller's own. Raises NotFound for a pod or inbox that is not there."""
    if route.inbox_id is not None:
        inbox = require_inbox(caller, route.inbox_id, items=items)
        return Scope("inbox", inbox["inbox_id"], inbox["pod_id"], inbox["inbox_id"])
    if route.pod_id is not None:
        require_pod(caller, route.pod_id, items=items)
        return Scope("pod", route.pod_id, route.pod_id)
    return Scope(caller.scope_type, caller.scope_id, caller.pod_id, caller.inbox_id)


def still_there(o: str, scope: Scope) -> list[Check]:
    """Conditions under which anything may be added to a scope: its inbox or pod is not being deleted."""
    if scope.inbox_id is not None:
        return [Check(keys.inbox(o, scope.inbox_id), live())]
    if scope.pod_id is not None:
        return [Check(keys.pod(o, scope.pod_id), live())]
    return []


def owner_keys(o: str, route: Route) -> tuple[Key, ...]:
    """The row of the inbox or pod that a route names; of neither, none."""
    if route.inbox_id is not None:
        return (keys.inbox(o, route.inbox_id),)
    return () if route.pod_id is None else (keys.pod(o, route.pod_id),)


def target_reads(o: str, route: Route, api_key_id: str) -> Reads:
    """What `visible_key` asks for first, to be prefetched: the key with this id, or the public key with this client id."""
    return Reads((keys.api_key_record(o, api_key_id), keys.client_id(o, "public_key", api_key_id), *owner_keys(o, route)))


def visible_key(caller: Caller, route: Route, api_key_id: str, *, items: ItemStore) -> KeyRecord:
    """`api_key_id`: or the client id of a public key. Raises NotFound for a key that is unknown, outside the caller's scope, or not
    bound to exactly the route's scope."""
    o = caller.organization_id
    record_key, named_key, *owners = target_reads(o, route, api_key_id).keys
    rows = items.batch_get([record_key, named_key, *owners])
    row = rows.get(record_key)
    if row is None and (named := rows.get(named_key)) is not None:
        row = items.get(keys.api_key_record(o, named["id"]))
    if row is None or not _within(caller, row) or not _bound(row, route):
        raise NotFound
    if any("state" in rows.get(key, {"state": "gone"}) for key in owners):
        raise NotFound
    return cast(KeyRecord, without_key(row))


def _within(caller: Caller, row: Item) -> bool:
    return caller.scope_type == "organization" or bool(row.get(f"{caller.scope_type}_id") == caller.scope_id)


def _bound(row: Item, route: Route) -> bool:
    if route.inbox_id is not None:
        return bool(row["scope_type"] == "inbox" and row["scope_id"] == route.inbox_id)
    return route.pod_id is None or bool(row["scope_type"] == "pod" and row["scope_id"] == route.pod_id)
