"""Creating a webhook: one transaction over the row, the organization's count and the client id (spec: webhooks.md, "Create")."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.errors import LimitExceeded, NotFound, RaceCondition
from mailroom.events.access import require_hearing
from mailroom.ids import webhook_id
from mailroom.keys.scopes import Route, Scope, scope_of, still_there
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Add,
    Item,
    ItemStore,
    Put,
    TransactionCancelled,
    Update,
)
from mailroom.store.races import attempts
from mailroom.webhooks.access import belongs
from mailroom.webhooks.channels import Listed, listed_in, or_own, placed, require_channels
from mailroom.webhooks.limits import below
from mailroom.webhooks.model import CreateWebhook, refuse_wider_fields, webhook
from mailroom.webhooks.record import Secret, WebhookRecord, record_of
from mailroom.webhooks.secrets import new_secret
from mailroom.webhooks.targets import refuse_target

_CLIENT_ID = 0
_COUNT = 1
"""Places in the transaction."""


def create_webhook(
    caller: Caller, route: Route, body: CreateWebhook, *, items: ItemStore, clock: Clock, config: Config
) -> dict[str, Any]:
    """The new `Webhook`, or the one that has the same client id.

    Raises ValidationError, MissingPermission, NotFound (pod or inbox), LimitExceeded, RaceCondition.
    """
    refuse_wider_fields(route, body)
    refuse_target(body["url"], config=config)
    listed = listed_in(body)
    require_hearing(caller, body.get("event_types"))
    scope = scope_of(caller, route, items=items)
    for _ in attempts():
        existing = _replay(caller, route, body.get("client_id"), items=items)
        if existing is not None:
            return webhook(existing)
        require_channels(caller.organization_id, scope, listed, items=items)
        record = _record(caller.organization_id, scope, body, or_own(scope, listed), clock())
        try:
            items.transact(_creation(record, scope, config.webhook_limit))
        except TransactionCancelled as cancelled:
            _explain(cancelled)
            continue
        return webhook(record)
    raise RaceCondition


def _replay(caller: Caller, route: Route, client_id: str | None, *, items: ItemStore) -> WebhookRecord | None:
    o = caller.organization_id
    mapped = items.get(keys.client_id(o, "webhook", client_id)) if client_id else None
    row = items.get(keys.webhook(o, mapped["id"])) if mapped else None
    if row is None:
        return None
    if not belongs(row, caller, route):
        raise NotFound
    return record_of(row)


def _record(o: str, scope: Scope, body: CreateWebhook, listed: Listed, now: int) -> WebhookRecord:
    record = WebhookRecord(
        webhook_id=webhook_id(now),
        organization_id=o,
        url=body["url"],
        secrets=[Secret(secret=new_secret())],
        headers=body.get("headers", {}),
        enabled=True,
        created_at=now,
        updated_at=now,
        ver=now,
    )
    if event_types := body.get("event_types"):
        record["event_types"] = event_types
    record.update(cast(WebhookRecord, placed(listed, scope)))
    if "client_id" in body:
        record["client_id"] = body["client_id"]
    return record


def _creation(record: WebhookRecord, scope: Scope, limit: int) -> list[Action]:
    o = record["organization_id"]
    row = Put(keys.webhook(o, record["webhook_id"]), cast(Item, dict(record)), Absent())
    first = row
    if "client_id" in record:
        first = Put(keys.client_id(o, "webhook", record["client_id"]), {"id": record["webhook_id"]}, Absent())
    count = Update(keys.organization(o), (Add("webhook_count", 1),), below("webhook_count", limit))
    return [first, count, *still_there(o, scope), *([row] if row is not first else [])]


def _explain(cancelled: TransactionCancelled) -> None:
    """Returns where somebody else just took the client id: then there is a webhook to return."""
    if _CLIENT_ID in cancelled.failures:
        return
    if _COUNT in cancelled.failures:
        raise LimitExceeded("Webhook limit reached", fix="Delete a webhook first.") from cancelled
    raise NotFound from cancelled
