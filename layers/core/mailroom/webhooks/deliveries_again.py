"""Delivering an event again, by hand."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import Conflict, NotFound
from mailroom.keys.scopes import Route
from mailroom.ports import Queues
from mailroom.store import keys
from mailroom.store.port import ConditionFailed, Equals, ItemStore, Present, Set, all_of
from mailroom.webhooks.access import require_webhook
from mailroom.webhooks.deliveries import KEPT_SECONDS, QUEUE, DeliveryRecord, delivery, message

TRIES = 5


def redeliver(
    caller: Caller, route: Route, webhook_id: str, event_id: str, *, items: ItemStore, queues: Queues, clock: Clock
) -> dict[str, Any]:
    """The `WebhookDelivery`, with a new series of attempts before it. Raises NotFound for an event that was not to be delivered
    there in the last 30 days, Conflict for a webhook that is disabled."""
    webhook = require_webhook(caller, route, webhook_id, items=items)
    key = keys.delivery(caller.organization_id, webhook["webhook_id"], event_id)
    for _ in range(TRIES):
        row = items.get(key)
        if row is None:
            raise NotFound
        if not webhook["enabled"]:
            raise Conflict("The webhook is disabled", fix="Enable it first.")
        now, made = clock(), row["made"]
        changes = [
            Set("status", "pending"),
            Set("before", made),
            Set("started_at", now),
            Set("due", now),
            Set("updated_at", now),
            Set("ttl", now // 1000 + KEPT_SECONDS),
        ]
        try:
            changed = items.update(key, changes, all_of(Present(), Equals("made", made)))
        except ConditionFailed:
            # An attempt has just come to its end.
            continue
        wanted = message(caller.organization_id, webhook["webhook_id"], event_id, made + 1)
        queues.send(QUEUE, wanted.body, group=wanted.group)
        return delivery(cast(DeliveryRecord, changed))
    raise Conflict(fix="Try again in a moment.", retry_after=1)
