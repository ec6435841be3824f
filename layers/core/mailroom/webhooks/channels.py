"""What a webhook listens to: which channels may be listed, and how the list changes (spec: webhooks.md, "Channels", "Update")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mailroom.errors import NotFound, ValidationError
from mailroom.events.channels import MAX_CHANNELS
from mailroom.keys.scopes import Scope
from mailroom.store import keys
from mailroom.store.port import ItemStore, Key
from mailroom.webhooks.model import UpdateWebhook
from mailroom.webhooks.record import WebhookRecord


class Listed(NamedTuple):
    pod_ids: tuple[str, ...] = ()
    inbox_ids: tuple[str, ...] = ()


def listed_in(body: Mapping[str, Any]) -> Listed:
    """Of a body that creates. Raises ValidationError where they are too many."""
    listed = Listed(tuple(body.get("pod_ids", ())), tuple(body.get("inbox_ids", ())))
    _refuse_too_many(listed, "inbox_ids" if listed.inbox_ids else "pod_ids")
    return listed


def require_channels(o: str, scope: Scope, listed: Listed, *, items: ItemStore) -> None:
    """Raises NotFound for a pod or inbox that is not there, or lies outside of what the webhook belongs to."""
    pods = [keys.pod(o, pod_id) for pod_id in listed.pod_ids]
    inboxes = [keys.inbox(o, inbox_id) for inbox_id in listed.inbox_ids]
    wanted: list[Key] = [*pods, *inboxes]
    rows = items.batch_get(wanted) if wanted else {}
    if any(key not in rows or "state" in rows[key] for key in wanted):
        raise NotFound
    if scope.type == "organization":
        return
    if scope.type == "inbox" and (listed.pod_ids or set(listed.inbox_ids) - {scope.inbox_id}):
        raise NotFound
    if set(listed.pod_ids) - {scope.pod_id} or any(rows[key]["pod_id"] != scope.pod_id for key in inboxes):
        raise NotFound


def or_own(scope: Scope, listed: Listed) -> Listed:
    """Without any channel: that which the webhook belongs to."""
    if listed != Listed() or scope.type == "organization":
        return listed
    return Listed(inbox_ids=(scope.id,)) if scope.type == "inbox" else Listed(pod_ids=(scope.id,))


def owner(record: WebhookRecord) -> Scope:
    if "inbox_id" in record:
        return Scope("inbox", record["inbox_id"], record["pod_id"], record["inbox_id"])
    if "pod_id" in record:
        return Scope("pod", record["pod_id"], record["pod_id"])
    return Scope("organization", record["organization_id"])


def listed_by(record: WebhookRecord) -> Listed:
    return Listed(tuple(record.get("pod_ids", ())), tuple(record.get("inbox_ids", ())))


def changed_channels(record: WebhookRecord, body: UpdateWebhook) -> Listed:
    """Raises ValidationError where too many are left, or none: without its last channel a webhook would hear of everything."""
    before = listed_by(record)
    everything = or_own(owner(record), Listed())
    added = Listed() if before == everything else added_by(body)
    after = Listed(
        _without(before.pod_ids + added.pod_ids, body.get("remove_pod_ids", ())),
        _without(before.inbox_ids + added.inbox_ids, body.get("remove_inbox_ids", ())),
    )
    if before != Listed() and after == Listed():
        field = "remove_inbox_ids" if before.inbox_ids else "remove_pod_ids"
        raise ValidationError.at(field, "Would remove the last channel; delete the webhook instead")
    _refuse_too_many(after, "add_inbox_ids" if "add_inbox_ids" in body else "add_pod_ids")
    return after


def added_by(body: UpdateWebhook) -> Listed:
    return Listed(tuple(body.get("add_pod_ids", ())), tuple(body.get("add_inbox_ids", ())))


def _refuse_too_many(listed: Listed, field: str) -> None:
    if len(listed.pod_ids) + len(listed.inbox_ids) > MAX_CHANNELS:
        raise ValidationError.at(field, f"At most {MAX_CHANNELS} pods and inboxes")


def _without(values: Sequence[str], removed: Sequence[str]) -> tuple[str, ...]:
    return tuple(value for value in dict.fromkeys(values) if value not in removed)


def placed(listed: Listed, scope: Scope) -> dict[str, Any]:
    """Attributes of a new webhook's row that say what it listens to and what it belongs to; absent ones are left out."""
    wanted = {
        "pod_ids": list(listed.pod_ids),
        "inbox_ids": list(listed.inbox_ids),
        "pod_id": scope.pod_id,
        "inbox_id": scope.inbox_id,
    }
    return {name: value for name, value in wanted.items() if value}
