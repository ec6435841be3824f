"""How a webhook is stored: the row `WH#{id}` of its organization. Times are milliseconds.

Whoever changes a row raises `ver` and writes only the attributes it means to change: requests, rotation and the upkeep of failures
(`failing_since`, `failed_recently`) may meet.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from mailroom.store import keys
from mailroom.store.port import Action, Add, Delete, Item, Present, Update, without_key

MAX_SECRETS = 8
"""How many may sign at once, however often a secret is replaced."""


class Secret(TypedDict):
    secret: str
    """`whsec_` and the base64 of 32 bytes."""
    until: NotRequired[int]
    """Until when it still signs; absent from the current one."""


class WebhookRecord(TypedDict):
    webhook_id: str
    organization_id: str
    url: str
    secrets: list[Secret]
    """The current one first."""
    headers: dict[str, str]
    enabled: bool
    created_at: int
    updated_at: int
    ver: int
    event_types: NotRequired[list[str]]
    """Absent: every default event."""
    pod_ids: NotRequired[list[str]]
    inbox_ids: NotRequired[list[str]]
    """Channels; with neither, everything in the organization. Never empty."""
    pod_id: NotRequired[str]
    """The pod it belongs to, also as the pod of its inbox."""
    inbox_id: NotRequired[str]
    """The inbox it belongs to."""
    client_id: NotRequired[str]
    resumed_at: NotRequired[int]
    """When it was enabled again: what it missed before is not sent."""
    failing_since: NotRequired[int]
    """Since when every attempt failed; any success removes it."""
    failed_recently: NotRequired[int]
    """When an attempt failed that no other followed within a day so far."""


def record_of(row: Item) -> WebhookRecord:
    return cast(WebhookRecord, without_key(row))


def removal(record: WebhookRecord) -> list[Action]:
    """Deletes a webhook exactly once: its row, its client id and its place in the organization's count."""
    o = record["organization_id"]
    actions: list[Action] = [
        Delete(keys.webhook(o, record["webhook_id"]), Present()),
        Update(keys.organization(o), (Add("webhook_count", -1),), Present()),
    ]
    if "client_id" in record:
        actions.append(Delete(keys.client_id(o, "webhook", record["client_id"])))
    return actions
