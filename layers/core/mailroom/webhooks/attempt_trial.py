"""A sample event for a webhook, now: what its receiver answers, without waiting for mail."""

from __future__ import annotations

from typing import Any

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.events import types
from mailroom.events.sizes import webhook_bytes
from mailroom.keys.scopes import Route
from mailroom.ports import Poster
from mailroom.store.port import ItemStore
from mailroom.webhooks.access import require_webhook
from mailroom.webhooks.attempt_post import post, succeeded
from mailroom.webhooks.deliveries import attempt
from mailroom.webhooks.samples import sample


def try_webhook(caller: Caller, route: Route, webhook_id: str, *, items: ItemStore, poster: Poster, clock: Clock) -> dict[str, Any]:
    """`TestWebhookResponse`: one attempt, also while the webhook is disabled; it changes nothing and is not kept. Raises
    NotFound."""
    webhook = require_webhook(caller, route, webhook_id, items=items)
    event_type = next(iter(webhook.get("event_types") or types.DEFAULT))
    event = sample(webhook, event_type, clock())
    made = post(webhook, event["event_id"], webhook_bytes(event), 1, poster=poster, clock=clock)
    return {"event_id": event["event_id"], "event_type": event_type, "delivered": succeeded(made), "attempt": attempt(made)}
