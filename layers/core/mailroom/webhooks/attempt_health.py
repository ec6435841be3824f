"""A webhook that fails for five days is disabled (spec: webhooks.md, "Delivery").

The time counts from the first failure, once another one follows within a day; any success ends it. The webhook's row is written
only where this changes something.
"""

from __future__ import annotations

from mailroom import log
from mailroom.store import keys
from mailroom.store.port import (
    Add,
    Change,
    Condition,
    ConditionFailed,
    Equals,
    ItemStore,
    Lacks,
    Present,
    Remove,
    Set,
    all_of,
)
from mailroom.webhooks.record import WebhookRecord

DISABLED_AFTER_MS = 5 * 24 * 3600 * 1000
SEVERAL_WITHIN_MS = 24 * 3600 * 1000


def note_success(webhook: WebhookRecord, *, items: ItemStore) -> None:
    if "failing_since" in webhook or "failed_recently" in webhook:
        _write(webhook, [Remove("failing_since"), Remove("failed_recently")], Present(), items=items)


def note_failure(webhook: WebhookRecord, now: int, *, items: ItemStore) -> None:
    since, recently = webhook.get("failing_since"), webhook.get("failed_recently")
    if since is not None:
        if now - since >= DISABLED_AFTER_MS:
            _disable(webhook, since, now, items=items)
    elif recently is not None and now - recently <= SEVERAL_WITHIN_MS:
        changes: list[Change] = [Set("failing_since", recently), Remove("failed_recently")]
        _write(webhook, changes, Equals("failed_recently", recently), items=items)
    else:
        seen = Lacks("failed_recently") if recently is None else Equals("failed_recently", recently)
        _write(webhook, [Set("failed_recently", now)], all_of(Present(), Lacks("failing_since"), seen), items=items)


def _disable(webhook: WebhookRecord, since: int, now: int, *, items: ItemStore) -> None:
    changes: list[Change] = [Set("enabled", False), Set("updated_at", now)]
    # A success that came in between has ended the time.
    if _write(webhook, changes, all_of(Equals("failing_since", since), Equals("enabled", True)), items=items):
        log.logger.warning("webhook disabled", organization_id=webhook["organization_id"], webhook_id=webhook["webhook_id"])


def _write(webhook: WebhookRecord, changes: list[Change], condition: Condition, *, items: ItemStore) -> bool:
    """Whether the row still was as it was seen."""
    try:
        items.update(keys.webhook(webhook["organization_id"], webhook["webhook_id"]), [*changes, Add("ver", 1)], condition)
    except ConditionFailed:
        return False
    return True
