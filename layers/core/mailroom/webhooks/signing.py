"""Signatures and headers of what a webhook gets: those of Standard Webhooks under its own names and under Svix's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook as Signer

from mailroom.webhooks.headers import is_reserved
from mailroom.webhooks.record import Secret, WebhookRecord

USER_AGENT = "Mailroom-Webhooks/1"

_PREFIXES = ("svix-", "webhook-")


def headers(webhook: WebhookRecord, event_id: str, body: bytes, now: int) -> dict[str, str]:
    """Of one attempt at `now` (milliseconds). A custom header of a reserved name is left out, however it was stored."""
    signed = {"id": event_id, "timestamp": str(now // 1000), "signature": signatures(webhook["secrets"], event_id, body, now)}
    custom = {name: value for name, value in webhook["headers"].items() if not is_reserved(name)}
    ours = {f"{prefix}{name}": value for prefix in _PREFIXES for name, value in signed.items()}
    return {**custom, **ours, "Content-Type": "application/json", "User-Agent": USER_AGENT}


def signatures(secrets: Sequence[Secret], event_id: str, body: bytes, now: int) -> str:
    """`v1,<base64>` for each secret that is active at `now`, separated by spaces."""
    moment, text = datetime.fromtimestamp(now // 1000, UTC), body.decode()
    active = [secret["secret"] for secret in secrets if secret.get("until", now) >= now]
    return " ".join(Signer(secret).sign(event_id, moment, text) for secret in active)
