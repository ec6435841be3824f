"""API keys: create, read, change, revoke. Who may give what to whom is decided here (spec: "API keys", rules in order)."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import (
    NotFound,
    OrganizationSuspended,
    PermissionEscalation,
    RaceCondition,
    UnrestrictedKeyRequired,
    ValidationError,
)
from mailroom.http.body import Body, anything, checked, instant, object_of, string
from mailroom.ids import new_api_key, uuid7
from mailroom.keys.permissions import effective, permissions_object, refuse_escalation
from mailroom.keys.record import ApiKeyRecord, creation, granted, removal, secret_fields
from mailroom.keys.render import bearer_key, created_key
from mailroom.keys.scopes import Route, Scope, scope_of, still_there, visible_key
from mailroom.organizations.standing import active
from mailroom.store import keys
from mailroom.store.port import (
    Change,
    Delete,
    Equals,
    ItemStore,
    Present,
    Remove,
    Set,
    TransactionCancelled,
    Update,
)
from mailroom.store.races import attempts


def _no_public_keys(_: Any) -> Any:
    raise ValueError("Public keys are not supported")


class CreateApiKey(TypedDict):
    name: NotRequired[str]
    permissions: NotRequired[dict[str, bool] | None]
    expires_at: NotRequired[int]
    """Microseconds."""


class UpdateApiKey(TypedDict):
    name: NotRequired[str]
    permissions: NotRequired[dict[str, bool] | None]


CREATE_API_KEY: Body[CreateApiKey] = Body(
    object_of(
        nulls=("permissions",),
        name=string(low=1, high=256),
        permissions=permissions_object(),
        expires_at=instant(),
        public_key=checked(anything(), _no_public_keys),
    )
)
UPDATE_API_KEY: Body[UpdateApiKey] = Body(
    object_of(update=True, nulls=("permissions",), name=string(low=1, high=256), permissions=permissions_object())
)


def create_api_key(caller: Caller, route: Route, body: CreateApiKey, *, items: ItemStore, clock: Clock) -> dict[str, Any]:
    """`CreateApiKeyResponse`. Raises NotFound, PermissionEscalation, UnrestrictedKeyRequired, ValidationError, and
    OrganizationSuspended: whoever is being suspended cannot make himself a key meanwhile."""
    scope = scope_of(caller, route, items=items)
    now = clock()
    permissions = _new_permissions(caller, body)
    expires_at = _new_expiry(caller, body, now)
    secret = new_api_key()
    record = _record(caller, scope, secret, now)
    if "name" in body:
        record["name"] = body["name"]
    if permissions is not None:
        record["permissions"] = permissions
    if expires_at is not None:
        record["expires_at"] = expires_at
    try:
        items.transact([active(caller.organization_id), *creation(record), *still_there(caller.organization_id, scope)])
    except TransactionCancelled as cancelled:
        raise (OrganizationSuspended() if 0 in cancelled.failures else NotFound()) from cancelled
    return created_key(record, secret)


def get_api_key(caller: Caller, api_key_id: str, *, items: ItemStore) -> dict[str, Any]:
    """`ApiKey`. Raises NotFound."""
    return bearer_key(visible_key(caller, Route(), api_key_id, items=items))


def update_api_key(
    caller: Caller, route: Route, api_key_id: str, body: UpdateApiKey, *, items: ItemStore, clock: Clock
) -> dict[str, Any]:
    """`ApiKey`. Raises NotFound, UnrestrictedKeyRequired, PermissionEscalation, RaceCondition, ValidationError."""
    if not body:
        raise ValidationError.at((), "Send at least one of name, permissions")
    for _ in attempts():
        record = visible_key(caller, route, api_key_id, items=items)
        _refuse_update(caller, record, body)
        changed = _changed(record, body, clock())
        try:
            items.transact(_update(record, changed))
        except TransactionCancelled:
            continue
        return bearer_key(changed)
    raise RaceCondition


def delete_api_key(caller: Caller, route: Route, api_key_id: str, *, items: ItemStore) -> None:
    """The key stops working at once; it may be the caller's own. Raises NotFound."""
    record = visible_key(caller, route, api_key_id, items=items)
    row = keys.api_key_record(caller.organization_id, api_key_id)
    others = [action for action in removal(record) if action.key != row]
    try:
        items.transact([Delete(row, Present()), *others])
    except TransactionCancelled as cancelled:
        raise NotFound from cancelled


def _new_permissions(caller: Caller, body: CreateApiKey) -> dict[str, bool] | None:
    """None is unrestricted."""
    permissions = body.get("permissions")
    if permissions is not None:
        refuse_escalation(caller, permissions)
        return permissions
    if caller.permissions is None:
        return None
    if "permissions" in body:
        raise UnrestrictedKeyRequired(fix="Send a permissions object, or use an unrestricted key.")
    return effective(caller)


def _new_expiry(caller: Caller, body: CreateApiKey, now: int) -> int | None:
    if "expires_at" not in body:
        return caller.expires_at
    expires_at = body["expires_at"] // 1000
    if caller.expires_at is not None and expires_at > caller.expires_at:
        raise PermissionEscalation(fix="Choose an expires_at that is not later than that of the key in use.")
    if expires_at <= now:
        raise ValidationError.at("expires_at", "Must be in the future")
    return expires_at


def _record(caller: Caller, scope: Scope, secret: str, now: int) -> ApiKeyRecord:
    traces = secret_fields(secret)
    record = ApiKeyRecord(
        api_key_id=uuid7(now),
        organization_id=caller.organization_id,
        scope_type=scope.type,
        scope_id=scope.id,
        prefix=traces["prefix"],
        secret_hash=traces["secret_hash"],
        name=f"API key {traces['prefix']}",
        created_at=now,
        updated_at=now,
        ver=now,
    )
    if scope.pod_id is not None:
        record["pod_id"] = scope.pod_id
    if scope.inbox_id is not None:
        record["inbox_id"] = scope.inbox_id
    return record


def _refuse_update(caller: Caller, record: ApiKeyRecord, body: UpdateApiKey) -> None:
    if caller.permissions is None:
        return
    clears = "permissions" in body and body["permissions"] is None
    if clears or "permissions" not in record:
        raise UnrestrictedKeyRequired(fix="Use a key without restrictions.")
    refuse_escalation(caller, body.get("permissions") or {})


def _changed(record: ApiKeyRecord, body: UpdateApiKey, now: int) -> ApiKeyRecord:
    changed = record.copy()
    changed["updated_at"] = max(now, record["updated_at"] + 1)
    changed["ver"] = record["ver"] + 1
    if "name" in body:
        changed["name"] = body["name"]
    if "permissions" in body:
        changed.pop("permissions", None)
        if body["permissions"] is not None:
            changed["permissions"] = body["permissions"]
    return changed


def _update(record: ApiKeyRecord, changed: ApiKeyRecord) -> list[Update]:
    """Only what may change is written: `used_at` moves on its own."""
    row = keys.api_key_record(record["organization_id"], record["api_key_id"])
    fields: tuple[Change, ...] = (
        Set("name", changed["name"]),
        Set("updated_at", changed["updated_at"]),
        Set("ver", changed["ver"]),
    )
    secret = keys.api_key_secret(record["secret_hash"])
    if changed.get("permissions") == record.get("permissions"):
        return [Update(row, fields, Equals("ver", record["ver"]))]
    if "permissions" in changed:
        shown, effective_at_once = Set("permissions", changed["permissions"]), Set("permissions", granted(changed["permissions"]))
        return [
            Update(row, (*fields, shown), Equals("ver", record["ver"])),
            Update(secret, (effective_at_once,), Present()),
        ]
    return [
        Update(row, (*fields, Remove("permissions")), Equals("ver", record["ver"])),
        Update(secret, (Remove("permissions"),), Present()),
    ]
