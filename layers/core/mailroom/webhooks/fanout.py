"""From the log to the deliveries: each event, once for each webhook that hears of it (design: flows.md, "Events out")."""

from __future__ import annotations

from mailroom.clock import Clock
from mailroom.events import types
from mailroom.events.channels import Channels, Heard
from mailroom.events.log import Page
from mailroom.ports import Queues
from mailroom.store.port import ItemStore, Key
from mailroom.webhooks.access import webhooks_of
from mailroom.webhooks.deliveries import QUEUE, message, new_delivery
from mailroom.webhooks.record import WebhookRecord


def enqueue(page: Page, *, items: ItemStore, queues: Queues, clock: Clock) -> None:
    """Any number of times for a page: a delivery exists once, and its first attempt is asked for until it was made. Who dies
    between row and message, or was told nothing of a row that was written, makes up for it when the page comes again."""
    o, now = page.organization_id, clock()
    webhooks = [webhook for webhook in webhooks_of(o, items=items) if webhook["enabled"]]
    rows = [
        new_delivery(o, webhook["webhook_id"], entry, now)
        for entry in page.entries
        for webhook in webhooks
        if hears(webhook, entry.heard)
    ]
    if not rows:
        return
    made = {row.key for row, is_new in zip(rows, items.write(rows), strict=True) if is_new}
    waiting = made | _unattempted([row.key for row in rows if row.key not in made], items=items)
    wanted = [message(o, row.item["webhook_id"], row.item["event_id"], 1) for row in rows if row.key in waiting]
    if wanted:
        queues.send_many(QUEUE, wanted)


def hears(webhook: WebhookRecord, event: Heard) -> bool:
    """Its channels, within what it belongs to. A pod's webhook hears of the pod's domains, whichever inboxes it listens to."""
    pod_id = webhook.get("pod_id")
    if pod_id is not None and event.pod_id != pod_id:
        return False
    channels = Channels.of(webhook)
    if event.event_type == types.DOMAIN_VERIFIED and pod_id is not None and "inbox_id" not in webhook:
        return event.event_type in channels.event_types
    return channels.hears(event)


def _unattempted(known: list[Key], *, items: ItemStore) -> set[Key]:
    found = items.batch_get(known) if known else {}
    return {key for key, row in found.items() if row["status"] == "pending" and row["made"] == 0}
