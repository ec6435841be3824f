"""Which webhooks exist for a caller. An organization has few (spec: limits.md), so that one query reads them all."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.keys.scopes import Route, owner_keys
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Query, Reads
from mailroom.webhooks.record import WebhookRecord, record_of

MOST = 1000
"""Well above any limit: a deployment may have lowered it since."""


def webhooks_query(o: str) -> Query:
    low, high = keys.webhook_range()
    return Query("core", o, MOST, low, high)


def webhooks_of(o: str, *, items: ItemStore) -> list[WebhookRecord]:
    """All of an organization, enabled or not, oldest first."""
    return [record_of(row) for row in items.query(webhooks_query(o))]


def list_reads(o: str, route: Route) -> Reads:
    """What a list of the route's webhooks asks for, to be prefetched."""
    return Reads(owner_keys(o, route), (webhooks_query(o),))


def webhook_reads(o: str, route: Route, webhook_id: str) -> Reads:
    """What `require_webhook` asks for first, to be prefetched."""
    return Reads(target_keys(o, route, webhook_id))


def target_keys(o: str, route: Route, webhook_id: str) -> tuple[Key, ...]:
    """Id, client id and the inbox or pod of the route."""
    return keys.webhook(o, webhook_id), keys.client_id(o, "webhook", webhook_id), *owner_keys(o, route)


def require_webhook(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore) -> WebhookRecord:
    """By id or client id. Raises NotFound for one that is unknown, or does not belong to the caller's scope or the route's."""
    o = caller.organization_id
    wanted = target_keys(o, route, webhook_id)
    rows = items.batch_get(wanted)
    row = rows.get(wanted[0])
    if row is None and (mapped := rows.get(wanted[1])) is not None:
        row = items.get(keys.webhook(o, mapped["id"]))
    if row is None or not belongs(row, caller, route):
        raise NotFound
    if any("state" in rows.get(key, {"state": "gone"}) for key in wanted[2:]):
        raise NotFound
    return record_of(row)


def belongs(row: Item | WebhookRecord, caller: Caller, route: Route) -> bool:
    """To the caller's scope and, where the route names a pod or an inbox, to that."""
    wanted = {"pod_id": {caller.pod_id, route.pod_id}, "inbox_id": {caller.inbox_id, route.inbox_id}}
    return all(row.get(name) == value for name, values in wanted.items() for value in values - {None})
