"""Reading, changing and deleting webhooks (spec: webhooks.md)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import NotFound, RaceCondition, ValidationError
from mailroom.events.access import require_hearing
from mailroom.http.tokens import Paging
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import Change, ConditionFailed, Equals, Item, ItemStore, Remove, Set, TransactionCancelled
from mailroom.store.races import attempts
from mailroom.webhooks import headers
from mailroom.webhooks.access import belongs, require_webhook, webhooks_of
from mailroom.webhooks.channels import added_by, changed_channels, owner, require_channels
from mailroom.webhooks.listing import page
from mailroom.webhooks.model import UpdateHeaders, UpdateWebhook, refuse_wider_fields, webhook
from mailroom.webhooks.record import WebhookRecord, removal
from mailroom.webhooks.secrets import rotated


def get_webhook(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore) -> dict[str, Any]:
    """The `Webhook`. Raises NotFound."""
    return webhook(require_webhook(caller, route, webhook_id, items=items))


def list_webhooks(caller: Caller, route: Route, paging: Paging, *, items: ItemStore) -> dict[str, Any]:
    """`ListWebhooksResponse`, newest first: what belongs to the route's scope and to the caller's. Raises NotFound."""
    o = caller.organization_id
    if route.inbox_id is not None:
        require_inbox(caller, route.inbox_id, items=items)
    elif route.pod_id is not None:
        require_pod(caller, route.pod_id, items=items)
    found = [record for record in webhooks_of(o, items=items) if belongs(record, caller, route)]
    return page(paging, "webhooks", found, webhook)


def update_webhook(
    caller: Caller, route: Route, webhook_id: str, body: UpdateWebhook, *, items: ItemStore, clock: Clock
) -> dict[str, Any]:
    """The changed `Webhook`. Raises ValidationError, MissingPermission, NotFound, RaceCondition."""
    refuse_wider_fields(route, body)
    if not body:
        raise ValidationError.at((), "Send at least one of event_types, enabled and the lists of channels to add or remove")
    if body.get("event_types"):
        require_hearing(caller, body["event_types"])

    def change(record: WebhookRecord, now: int) -> None:
        require_channels(caller.organization_id, owner(record), added_by(body), items=items)
        _change(record, body, caller, now)

    return webhook(_edit(caller, route, webhook_id, change, items=items, clock=clock))


def get_headers(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore) -> dict[str, Any]:
    """`WebhookHeaderNamesResponse`. Raises NotFound."""
    return headers.header_names(require_webhook(caller, route, webhook_id, items=items)["headers"])


def update_headers(caller: Caller, route: Route, webhook_id: str, body: UpdateHeaders, *, items: ItemStore, clock: Clock) -> None:
    """Raises ValidationError, NotFound, RaceCondition."""
    headers.refuse_contradiction(body)

    def change(record: WebhookRecord, now: int) -> None:
        given, removed = body.get("headers", {}), body.get("remove_headers", [])
        record["headers"] = headers.changed_headers(record["headers"], given, removed)

    _edit(caller, route, webhook_id, change, items=items, clock=clock)


def rotate_secret(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore, clock: Clock) -> dict[str, Any]:
    """The `Webhook` with its new secret; the one before signs beside it for 24 hours. Raises NotFound, RaceCondition."""

    def change(record: WebhookRecord, now: int) -> None:
        record["secrets"] = rotated(record["secrets"], now)

    return webhook(_edit(caller, route, webhook_id, change, items=items, clock=clock))


def delete_webhook(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore) -> None:
    """Its client id is free at once; deliveries that wait find it gone. Raises NotFound."""
    record = require_webhook(caller, route, webhook_id, items=items)
    try:
        items.transact(removal(record))
    except TransactionCancelled as cancelled:
        raise NotFound from cancelled


def _change(record: WebhookRecord, body: UpdateWebhook, caller: Caller, now: int) -> None:
    if event_types := body.get("event_types"):
        record["event_types"] = event_types
    listed = changed_channels(record, body)
    for name, channels in zip(("pod_ids", "inbox_ids"), listed, strict=True):
        cast(Item, record).pop(name, None)
        if channels:
            cast(Item, record)[name] = list(channels)
    if body.get("enabled"):
        require_hearing(caller, record.get("event_types"))
        if not record["enabled"]:
            record["resumed_at"] = now
        record.pop("failing_since", None)
        record.pop("failed_recently", None)
    if "enabled" in body:
        record["enabled"] = body["enabled"]


def _edit(
    caller: Caller,
    route: Route,
    webhook_id: str,
    change: Callable[[WebhookRecord, int], None],
    *,
    items: ItemStore,
    clock: Clock,
) -> WebhookRecord:
    """Applies a change to the record as it stands, and writes only what differs; nothing where nothing does."""
    for _ in attempts():
        before = require_webhook(caller, route, webhook_id, items=items)
        after, now = before.copy(), clock()
        change(after, now)
        if after == before:
            return before
        after["updated_at"] = max(now, before["updated_at"] + 1)
        after["ver"] = before["ver"] + 1
        try:
            row = keys.webhook(caller.organization_id, before["webhook_id"])
            items.update(row, _differences(cast(Item, before), cast(Item, after)), Equals("ver", before["ver"]))
        except ConditionFailed:
            continue
        return after
    raise RaceCondition


def _differences(before: Item, after: Item) -> list[Change]:
    changed: list[Change] = [Set(name, value) for name, value in after.items() if before.get(name) != value]
    return changed + [Remove(name) for name in before if name not in after]
