"""What became of a webhook's events, newest first."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.http.tokens import Paging
from mailroom.keys.scopes import Route
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Query
from mailroom.webhooks.access import require_webhook
from mailroom.webhooks.deliveries import DeliveryRecord, delivery

SCANNED_AT_ONCE = 101
SCANS = 10
"""For one page, whatever the filter lets through."""


class ListQuery(NamedTuple):
    paging: Paging
    status: str | None


def list_deliveries(caller: Caller, route: Route, webhook_id: str, query: ListQuery, *, items: ItemStore) -> dict[str, Any]:
    """`ListWebhookDeliveriesResponse`. With a status, a page may be short, even empty, and still name a next one. Raises
    NotFound."""
    webhook = require_webhook(caller, route, webhook_id, items=items)
    paging, partition = query.paging, keys.deliveries(caller.organization_id, webhook["webhook_id"])
    start = None if paging.position is None else str(paging.position[0])
    found, last = _read(partition, paging, query.status, start, items=items)
    return paging.finish("deliveries", [delivery(cast(DeliveryRecord, row)) for row in found], None if last is None else [last])


def _read(
    partition: str, paging: Paging, status: str | None, start: str | None, *, items: ItemStore
) -> tuple[list[Item], str | None]:
    """At most a page of rows, and behind which one more may follow."""
    found: list[Item] = []
    # One more than is looked at, to know whether there is a next one.
    size = paging.limit + 1 if status is None else max(paging.limit + 1, SCANNED_AT_ONCE)
    for _ in range(SCANS):
        behind = None if start is None else (partition, start)
        rows = items.query(Query("eph", partition, size, descending=not paging.ascending, start=behind))
        for row in rows[: size - 1]:
            start = row["sk"]
            if status in (None, row["status"]):
                found.append(row)
            if len(found) == paging.limit:
                return found, start if row is not rows[-1] else None
        if len(rows) < size:
            return found, None
    return found, start
