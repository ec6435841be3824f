"""An event of each type that never happened, to try a webhook with. Nothing in it is anyone's: example.com, and ids of our own."""

from __future__ import annotations

from typing import Any

from mailroom.clock import to_wire
from mailroom.events import types
from mailroom.ids import derived_uuid, event_id
from mailroom.webhooks.record import WebhookRecord

SENDER = "Ann Example <ann@example.com>"
RECIPIENT = "bob@example.com"
TEXT = "This is a test of your webhook. No such mail exists."


def sample(webhook: WebhookRecord, event_type: str, now: int) -> dict[str, Any]:
    """A whole envelope, as of now; of the webhook's own inbox where it has one. It has no position: the log does not know it."""
    envelope = {"type": "event", "event_type": event_type, "event_id": event_id(now, webhook["webhook_id"], "test", event_type)}
    ids = {
        "inbox_id": _inbox_id(webhook),
        "thread_id": derived_uuid(webhook["webhook_id"], "thread"),
        "message_id": f"<test-{now}@example.com>",
    }
    moment = to_wire(now)
    if types.carries_message(event_type):
        return {**envelope, "message": _message(ids, event_type, moment), "thread": _thread(ids, event_type, moment)}
    if event_type == types.DOMAIN_VERIFIED:
        return {**envelope, "domain": _domain(webhook, moment)}
    return {**envelope, types.PAYLOAD[event_type]: {**ids, "timestamp": moment, **_DETAILS.get(event_type, {})}}


_DETAILS: dict[str, dict[str, Any]] = {
    types.SENT: {"recipients": [RECIPIENT]},
    types.DELIVERED: {"recipients": [RECIPIENT]},
    types.BOUNCED: {"type": "Permanent", "sub_type": "General", "recipients": [{"address": RECIPIENT, "status": "5.1.1"}]},
    types.COMPLAINED: {"type": "abuse", "sub_type": "spam", "recipients": [RECIPIENT]},
    types.REJECTED: {"reason": "Bad content"},
    types.DRAFT_CANCELLED: {"draft_id": derived_uuid("test", "draft"), "reason": "reply"},
}


def _inbox_id(webhook: WebhookRecord) -> str:
    return webhook.get("inbox_id") or next(iter(webhook.get("inbox_ids", ())), "test@example.com")


def _labels(event_type: str) -> list[str]:
    return ["received", *([event_type.rpartition(".")[2]] if event_type in types.FILTERED else []), "unread"]


def _message(ids: dict[str, str], event_type: str, moment: str) -> dict[str, Any]:
    return {
        **ids,
        "labels": _labels(event_type),
        "timestamp": moment,
        "from": SENDER,
        "to": [ids["inbox_id"]],
        "subject": "Test",
        "preview": TEXT,
        "text": TEXT,
        "extracted_text": TEXT,
        "size": len(TEXT),
        "updated_at": moment,
        "created_at": moment,
    }


def _thread(ids: dict[str, str], event_type: str, moment: str) -> dict[str, Any]:
    return {
        "inbox_id": ids["inbox_id"],
        "thread_id": ids["thread_id"],
        "labels": _labels(event_type),
        "timestamp": moment,
        "received_timestamp": moment,
        "senders": [SENDER],
        "recipients": [ids["inbox_id"]],
        "subject": "Test",
        "preview": TEXT,
        "last_message_id": ids["message_id"],
        "message_count": 1,
        "size": len(TEXT),
        "updated_at": moment,
        "created_at": moment,
    }


def _domain(webhook: WebhookRecord, moment: str) -> dict[str, Any]:
    return {
        "domain_id": "test.example.com",
        "domain": "test.example.com",
        "status": "VERIFIED",
        "feedback_enabled": True,
        "subdomains_enabled": False,
        "tracking_enabled": False,
        "records": [{"type": "TXT", "name": "test.example.com", "value": "v=spf1 -all", "status": "VALID"}],
        "updated_at": moment,
        "created_at": moment,
        **({"pod_id": webhook["pod_id"]} if "pod_id" in webhook else {}),
    }
