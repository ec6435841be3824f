"""The events there are, and who may hear of them (spec: events.md; webhooks.md, "Defaults")."""

from __future__ import annotations

RECEIVED = "message.received"
SENT = "message.sent"
DELIVERED = "message.delivered"
BOUNCED = "message.bounced"
COMPLAINED = "message.complained"
REJECTED = "message.rejected"
OPENED = "message.opened"
DOMAIN_VERIFIED = "domain.verified"
DRAFT_CANCELLED = "draft.cancelled"
"""Beyond the original, so only whoever names it hears of it."""

FILTERED = {
    "message.received.spam": "label_spam_read",
    "message.received.blocked": "label_blocked_read",
    "message.received.unauthenticated": "label_unauthenticated_read",
}
"""Received events outside the default set -> the permission that subscribing to them needs."""

DEFAULT = (RECEIVED, SENT, DELIVERED, BOUNCED, COMPLAINED, REJECTED, OPENED, DOMAIN_VERIFIED)
ALL = (RECEIVED, *FILTERED, *DEFAULT[1:], DRAFT_CANCELLED)

LATER = (
    *("message.security.completed", "message.security.review", "message.security.override"),
    *(f"calendar.event.{what}" for what in ("created", "updated", "deleted", "responded", "starting", "ending")),
)
"""Types of families still to come: they may be subscribed to, and nothing emits them yet."""

PAYLOAD = {
    SENT: "send",
    DELIVERED: "delivery",
    BOUNCED: "bounce",
    COMPLAINED: "complaint",
    REJECTED: "reject",
    OPENED: "open",
    DOMAIN_VERIFIED: "domain",
    DRAFT_CANCELLED: "draft",
}
"""Event type -> the name of its one payload object; received events carry `message` and `thread`."""


def carries_message(event_type: str) -> bool:
    return event_type == RECEIVED or event_type in FILTERED


def needed(event_type: str) -> tuple[str, ...]:
    """The permissions that hearing of it takes, the most particular first."""
    if event_type.startswith("calendar."):
        return ("calendar_event_read",)
    if event_type == DRAFT_CANCELLED:
        return ("draft_read",)
    if event_type in FILTERED:
        return FILTERED[event_type], "message_read"
    return ("message_read",) if event_type == RECEIVED or event_type.startswith("message.security.") else ()
