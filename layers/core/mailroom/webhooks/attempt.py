"""Attempts to deliver: the deliveries queue's worker (design: flows.md, "Events out").

A message asks for an attempt by number. Whoever claims the row makes it, and holds it for a lease: longer than an attempt takes, so
that copies of the message wait and then find it made. Rows and queue are durable, so waits outlive processes; one that dies between
the POST and noting it leads to the same POST again (at least once, under the same id).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from mailroom import log
from mailroom.events.render import Contents
from mailroom.events.sizes import webhook_bytes
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import AtMost, Change, ConditionFailed, Equals, Item, Remove, Set, all_of
from mailroom.webhooks import attempt_health as health
from mailroom.webhooks.attempt_post import post, succeeded
from mailroom.webhooks.deliveries import KEPT_ATTEMPTS, QUEUE, Attempt, DeliveryRecord, event_key, key_of, message
from mailroom.webhooks.record import WebhookRecord, record_of
from mailroom.webhooks.schedule import hop_s, next_due

LEASE_MS = 20_000
"""How long nobody else makes the attempt, and so how long one waits that a dying process left. Longer than a POST may take."""


def deliver(wanted: Mapping[str, Any], *, runtime: Runtime) -> None:
    """Makes the attempt that a message asks for, if it is due and nobody else makes it. Raises what the store raises, KeyError for
    a malformed message."""
    o, webhook_id, event_id, number = (wanted[name] for name in ("organization_id", "webhook_id", "event_id", "attempt"))
    now = runtime.clock()
    free = all_of(Equals("status", "pending"), AtMost("made", number - 1), AtMost("due", now))
    try:
        row = runtime.items.update(keys.delivery(o, webhook_id, event_id), [Set("due", now + LEASE_MS)], free)
    except ConditionFailed as failed:
        _wait(failed.item, number, now, runtime)
        return
    record = cast(DeliveryRecord, row)
    _attempt(record, runtime)


def _wait(row: Item | None, number: int, now: int, runtime: Runtime) -> None:
    """Puts the message back for the rest of its time. It is dropped where its attempt was made, or the delivery has ended."""
    if row is None or row["status"] != "pending" or row["made"] >= number:
        return
    again = message(row["organization_id"], row["webhook_id"], row["event_id"], number)
    runtime.queues.send(QUEUE, again.body, delay_s=max(hop_s(row["due"], now), 1), group=again.group)


def _attempt(record: DeliveryRecord, runtime: Runtime) -> None:
    webhook_key, ev_key = keys.webhook(record["organization_id"], record["webhook_id"]), event_key(record)
    found = runtime.items.batch_get([webhook_key, ev_key])
    webhook = record_of(found[webhook_key]) if webhook_key in found else None
    if webhook is None or not wants(webhook, record) or ev_key not in found:
        # Deleted, disabled, or the inbox of the event is gone.
        _end(record, "cancelled", [], runtime)
        return
    (event,) = Contents(items=runtime.items, blobs=runtime.blobs).of_rows([found[ev_key]])
    body, number = webhook_bytes(event), record["made"] + 1
    made = post(webhook, record["event_id"], body, number, poster=runtime.poster, clock=runtime.clock)
    _log(record, made)
    if succeeded(made):
        _end(record, "delivered", _noted(record, made), runtime)
        health.note_success(webhook, items=runtime.items)
    else:
        failed_at = runtime.clock()
        _try_again(record, made, failed_at, runtime)
        health.note_failure(webhook, failed_at, items=runtime.items)


def wants(webhook: WebhookRecord, record: DeliveryRecord) -> bool:
    """Whether it is enabled, and has been since this series of attempts began: what it missed is not sent later."""
    return webhook["enabled"] and webhook.get("resumed_at", 0) <= record["started_at"]


def _try_again(record: DeliveryRecord, made: Attempt, failed_at: int, runtime: Runtime) -> None:
    due = next_due(runtime.config.webhook_schedule, made["attempt"] - record["before"], failed_at)
    if due is None:
        _end(record, "failed", _noted(record, made), runtime)
        return
    # The message first: without it nobody would come back to the row; without the row's change the attempt is made once more.
    again = message(record["organization_id"], record["webhook_id"], record["event_id"], made["attempt"] + 1)
    runtime.queues.send(QUEUE, again.body, delay_s=hop_s(due, failed_at), group=again.group)
    _write(record, [*_noted(record, made), Set("due", due)], runtime)


def _end(record: DeliveryRecord, status: str, changes: list[Change], runtime: Runtime) -> None:
    _write(record, [*changes, Set("status", status), Remove("due")], runtime)


def _noted(record: DeliveryRecord, made: Attempt) -> list[Change]:
    kept = [*record["attempts"], made][-KEPT_ATTEMPTS:]
    return [Set("made", made["attempt"]), Set("attempts", kept)]


def _write(record: DeliveryRecord, changes: list[Change], runtime: Runtime) -> None:
    """Nothing where another attempt was quicker, or the event is to be delivered again from the beginning."""
    unchanged = all_of(*(Equals(name, record[name]) for name in ("status", "made", "started_at")))
    try:
        runtime.items.update(key_of(record), [*changes, Set("updated_at", runtime.clock())], unchanged)
    except ConditionFailed:
        log.logger.warning("delivery changed meanwhile", webhook_id=record["webhook_id"], event_id=record["event_id"])


def _log(record: DeliveryRecord, made: Attempt) -> None:
    log.logger.info(
        "webhook attempt",
        organization_id=record["organization_id"],
        webhook_id=record["webhook_id"],
        event_id=record["event_id"],
        attempt=made["attempt"],
        status=made.get("status"),
        duration_ms=made["duration_ms"],
    )
