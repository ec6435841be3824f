"""A delivery: one event on its way to one webhook, with the attempts that were made. Kept for 30 days."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict, cast

from mailroom.clock import to_wire
from mailroom.events.log import Entry
from mailroom.ports import QueueMessage
from mailroom.store import keys
from mailroom.store.port import Absent, Item, Key, Put

KEPT_SECONDS = 30 * 24 * 3600
KEPT_ATTEMPTS = 24
"""Of an event that is delivered again and again, the newest."""
QUEUE = "deliveries"

Status = Literal["pending", "delivered", "failed", "cancelled"]
STATUSES: tuple[Status, ...] = ("pending", "delivered", "failed", "cancelled")


class Attempt(TypedDict):
    attempt: int
    """From 1; counts on when an event is delivered again."""
    at: int
    duration_ms: int
    status: NotRequired[int]
    """What the receiver answered."""
    answer: NotRequired[str]
    """The beginning of its body."""
    error: NotRequired[str]
    """Why there was no answer."""


class DeliveryRecord(TypedDict):
    """The row `keys.delivery`. Times are milliseconds. Its key leads from webhook and event, so that neither has two."""

    organization_id: str
    webhook_id: str
    event_id: str
    event_type: str
    position: int
    event_pk: str
    event_sk: str
    """The key of the event's row."""
    status: Status
    made: int
    """Attempts that came to their end."""
    before: int
    """Of these, those before the series of attempts that runs now."""
    started_at: int
    """When this series began."""
    attempts: list[Attempt]
    created_at: int
    updated_at: int
    ttl: int
    due: NotRequired[int]
    """While pending: when the next attempt may begin; while one is being made, until when nobody else may."""


def new_delivery(o: str, webhook_id: str, entry: Entry, now: int) -> Put:
    """Made once for a webhook and an event, however often the event is handed out."""
    record: DeliveryRecord = {
        "organization_id": o,
        "webhook_id": webhook_id,
        "event_id": entry.event_id,
        "event_type": entry.event_type,
        "position": entry.position,
        "event_pk": entry.key.pk,
        "event_sk": entry.key.sk,
        "status": "pending",
        "made": 0,
        "before": 0,
        "started_at": now,
        "due": now,
        "attempts": [],
        "created_at": now,
        "updated_at": now,
        "ttl": now // 1000 + KEPT_SECONDS,
    }
    return Put(keys.delivery(o, webhook_id, entry.event_id), cast(Item, record), Absent())


def key_of(record: DeliveryRecord) -> Key:
    return keys.delivery(record["organization_id"], record["webhook_id"], record["event_id"])


def event_key(record: DeliveryRecord) -> Key:
    return Key("ev", record["event_pk"], record["event_sk"])


def message(o: str, webhook_id: str, event_id: str, attempt: int) -> QueueMessage:
    """Asks for an attempt. One that was made already, by this message's copy for instance, is not made again."""
    body = {"organization_id": o, "webhook_id": webhook_id, "event_id": event_id, "attempt": attempt}
    return QueueMessage(body, group=webhook_id)


def delivery(record: DeliveryRecord) -> dict[str, Any]:
    """The `WebhookDelivery` of the API."""
    shown: dict[str, Any] = {name: record[name] for name in ("webhook_id", "event_id", "event_type", "position", "status")}
    shown["attempts"] = [attempt(each) for each in record["attempts"]]
    if record["status"] == "pending" and "due" in record:
        shown["next_attempt_at"] = to_wire(record["due"])
    return {**shown, "created_at": to_wire(record["created_at"]), "updated_at": to_wire(record["updated_at"])}


def attempt(made: Attempt) -> dict[str, Any]:
    """The `DeliveryAttempt` of the API."""
    return {**made, "at": to_wire(made["at"])}
