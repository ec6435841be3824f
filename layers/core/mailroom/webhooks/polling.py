"""Polling webhooks: subscriptions that are read instead of delivered (spec: webhooks.md, "Polling webhooks").

Each belongs to exactly one organization, pod or inbox: that of its route or, on the organization's route, that of a narrow key.
"""

from __future__ import annotations

from typing import Any, TypedDict, cast

from mailroom.callers import Caller
from mailroom.clock import Clock, to_wire
from mailroom.config import Config
from mailroom.errors import LimitExceeded, NotFound, RaceCondition
from mailroom.events import log
from mailroom.events.access import require_hearing
from mailroom.http.body import Body, client_id, object_of
from mailroom.http.tokens import Paging
from mailroom.ids import new_polling_token, webhook_id
from mailroom.keys.credentials import secret_hash
from mailroom.keys.scopes import Route, Scope, scope_of
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Add,
    Delete,
    Equals,
    Item,
    ItemStore,
    Key,
    Present,
    Put,
    Query,
    Set,
    TransactionCancelled,
    Update,
)
from mailroom.webhooks.channels import Listed, listed_in, or_own, placed, require_channels
from mailroom.webhooks.limits import below
from mailroom.webhooks.listing import page
from mailroom.webhooks.model import event_types, inbox_ids, pod_ids, refuse_wider_fields
from mailroom.webhooks.polling_record import PollingRecord, counting_row, owner_ids, polling_record_of

MOST = 1000
ATTEMPTS = 8
_ROW = 0
"""Place in the transaction that creates one."""


class _Asked(TypedDict):
    client_id: str
    event_types: list[str]


class CreatePollingWebhook(_Asked, total=False):
    inbox_ids: list[str]
    pod_ids: list[str]


CREATE_POLLING_WEBHOOK: Body[CreatePollingWebhook] = Body(
    object_of(
        ("client_id", "event_types"),
        client_id=client_id(),
        event_types=event_types(low=1),
        inbox_ids=inbox_ids(),
        pod_ids=pod_ids(),
    )
)


def create_polling_webhook(
    caller: Caller, route: Route, body: CreatePollingWebhook, *, items: ItemStore, clock: Clock, config: Config
) -> dict[str, Any]:
    """`CreatePollingWebhookResponse`: the one place that shows the token. A used client id gives the same subscription a new token.

    Raises ValidationError, MissingPermission, NotFound (pod or inbox), LimitExceeded, RaceCondition.
    """
    o = caller.organization_id
    refuse_wider_fields(route, body)
    listed = listed_in(body)
    require_hearing(caller, body["event_types"])
    scope = scope_of(caller, route, items=items)
    token = new_polling_token()
    row = items.get(keys.polling_webhook(o, body["client_id"], **owner_ids(scope)))
    if row is not None:
        record = polling_record_of(row)
        _replace_token(record, scope, secret_hash(token), items=items)
    else:
        require_channels(o, scope, listed, items=items)
        record = _record(o, scope, body, or_own(scope, listed), clock())
        record["start"], record["token_hash"] = log.tail(o, items=items), secret_hash(token)
        _create(record, scope, config.polling_webhook_limit, items=items)
    return {**polling_webhook(record), "token": token}


def get_polling_webhook(caller: Caller, route: Route, name: str, *, items: ItemStore) -> dict[str, Any]:
    """The `PollingWebhook` of an id or a client id. Raises NotFound."""
    scope = scope_of(caller, route, items=items)
    return polling_webhook(_require(caller.organization_id, scope, name, items=items))


def list_polling_webhooks(caller: Caller, route: Route, paging: Paging, *, items: ItemStore) -> dict[str, Any]:
    """`ListPollingWebhooksResponse`, newest first. Raises NotFound."""
    scope = scope_of(caller, route, items=items)
    return page(paging, "polling_webhooks", _all(caller.organization_id, scope, items=items), polling_webhook)


def delete_polling_webhook(caller: Caller, route: Route, name: str, *, items: ItemStore) -> None:
    """Its token is dead at once. Raises NotFound, RaceCondition."""
    o, scope = caller.organization_id, scope_of(caller, route, items=items)
    for _ in range(ATTEMPTS):
        record = _require(o, scope, name, items=items)
        try:
            items.transact(_removal(record, scope))
            return
        except TransactionCancelled:
            continue
    raise RaceCondition


def polling_webhook(record: PollingRecord) -> dict[str, Any]:
    """The `PollingWebhook` of the wire."""
    hidden = ("organization_id", "start", "token_hash", "created_at", "updated_at")
    shown = {name: value for name, value in record.items() if name not in hidden}
    return {**shown, "updated_at": to_wire(record["updated_at"]), "created_at": to_wire(record["created_at"])}


def _all(o: str, scope: Scope, *, items: ItemStore) -> list[PollingRecord]:
    rows = items.query(Query("core", keys.polling_webhooks(o, **owner_ids(scope)), MOST))
    return [polling_record_of(row) for row in rows]


def _require(o: str, scope: Scope, name: str, *, items: ItemStore) -> PollingRecord:
    found = _all(o, scope, items=items)
    for field in ("webhook_id", "client_id"):
        for record in found:
            if record.get(field) == name:
                return record
    raise NotFound


def _record(o: str, scope: Scope, body: CreatePollingWebhook, listed: Listed, now: int) -> PollingRecord:
    record = PollingRecord(
        webhook_id=webhook_id(now),
        organization_id=o,
        client_id=body["client_id"],
        event_types=body["event_types"],
        start=0,
        token_hash="",
        created_at=now,
        updated_at=now,
    )
    record.update(cast(PollingRecord, placed(listed, scope)))
    return record


def _create(record: PollingRecord, scope: Scope, limit: int, *, items: ItemStore) -> None:
    count = counting_row(record["organization_id"], scope)
    actions: list[Action] = [
        Put(_row_key(record, scope), cast(Item, dict(record)), Absent()),
        Update(count, (Add("polling_count", 1),), below("polling_count", limit)),
        Put(keys.polling_token(record["token_hash"]), cast(Item, dict(record)), Absent()),
    ]
    try:
        items.transact(actions)
    except TransactionCancelled as cancelled:
        if _ROW in cancelled.failures:
            raise RaceCondition("The same polling webhook was just created; try again") from cancelled
        owner = items.get(count)
        if owner is None or "state" in owner:
            raise NotFound from cancelled
        fix = "Delete a polling webhook first."
        raise LimitExceeded(f"Polling webhook limit of this {scope.type} reached", fix=fix) from cancelled


def _replace_token(record: PollingRecord, scope: Scope, token_hash: str, *, items: ItemStore) -> None:
    """The old one dies; the subscription keeps its position. Raises RaceCondition."""
    former, record["token_hash"] = record["token_hash"], token_hash
    actions: list[Action] = [
        Update(_row_key(record, scope), (Set("token_hash", token_hash),), Equals("token_hash", former)),
        Delete(keys.polling_token(former)),
        Put(keys.polling_token(token_hash), cast(Item, dict(record)), Absent()),
    ]
    try:
        items.transact(actions)
    except TransactionCancelled as cancelled:
        raise RaceCondition from cancelled


def _removal(record: PollingRecord, scope: Scope) -> list[Action]:
    """Not under a token that was replaced meanwhile: its successor must die too."""
    return [
        Delete(_row_key(record, scope), Equals("token_hash", record["token_hash"])),
        Delete(keys.polling_token(record["token_hash"])),
        Update(counting_row(record["organization_id"], scope), (Add("polling_count", -1),), Present()),
    ]


def _row_key(record: PollingRecord, scope: Scope) -> Key:
    return keys.polling_webhook(record["organization_id"], record["client_id"], **owner_ids(scope))
