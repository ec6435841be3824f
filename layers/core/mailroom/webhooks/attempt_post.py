"""One POST of an event to a webhook (spec: webhooks.md, "Delivery")."""

from __future__ import annotations

import time

from mailroom.clock import Clock
from mailroom.ports import Poster, PostFailed
from mailroom.webhooks.deliveries import Attempt
from mailroom.webhooks.record import WebhookRecord
from mailroom.webhooks.signing import headers

TIMEOUT_S = 15.0
SHOWN_BYTES = 500


def post(webhook: WebhookRecord, event_id: str, body: bytes, number: int, *, poster: Poster, clock: Clock) -> Attempt:
    """What came of it; success is any 2xx."""
    now, started = clock(), time.perf_counter()
    made: Attempt = {"attempt": number, "at": now, "duration_ms": 0}
    try:
        posted = poster.post(webhook["url"], body, headers(webhook, event_id, body, now), timeout_s=TIMEOUT_S)
    except PostFailed as failed:
        made["error"] = str(failed)
    else:
        made["status"] = posted.status
        if shown := posted.answer[:SHOWN_BYTES].decode("utf-8", "replace"):
            made["answer"] = shown
    made["duration_ms"] = round((time.perf_counter() - started) * 1000)
    return made


def succeeded(made: Attempt) -> bool:
    return 200 <= made.get("status", 0) < 300
