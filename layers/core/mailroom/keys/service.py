"""API keys: create, read, change, revoke (spec: organizations-auth-apikeys.md, "API keys"). Who may give what is in `grants`."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import NotFound, OrganizationSuspended, RaceCondition, ValidationError
from mailroom.ids import new_api_key, uuid7
from mailroom.keys.grants import new_expiry, new_permissions, refuse_update
from mailroom.keys.model import CreateApiKey, UpdateApiKey
from mailroom.keys.permissions import effective
from mailroom.keys.public import new_record, register
from mailroom.keys.record import ApiKeyRecord, KeyRecord, creation, granted, is_public, new_key, removal
from mailroom.keys.render import api_key, created_key, public_key
from mailroom.keys.scopes import Route, Scope, scope_of, still_there, visible_key
from mailroom.organizations.standing import active
from mailroom.store import keys
from mailroom.store.port import Change, Delete, Equals, ItemStore, Present, Remove, Set, TransactionCancelled, Update
from mailroom.store.races import attempts


def create_api_key(caller: Caller, route: Route, body: CreateApiKey, *, items: ItemStore, clock: Clock) -> dict[str, Any]:
    """`CreateApiKeyResponse`, or the `PublicKeyCredential` of a public key. Raises NotFound, PermissionEscalation,
    UnrestrictedKeyRequired, ValidationError, Conflict (client id), and OrganizationSuspended: whoever is being suspended cannot
    make himself a key meanwhile."""
    scope = scope_of(caller, route, items=items)
    now = clock()
    permissions = new_permissions(caller, body)
    expires_at = new_expiry(caller, body, now)
    if "public_key" in body:
        registered = new_record(caller, scope, body, permissions, expires_at, now)
        register(registered, scope, items=items)
        return public_key(registered)
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
    return api_key(visible_key(caller, Route(), api_key_id, items=items))


def update_api_key(
    caller: Caller, route: Route, api_key_id: str, body: UpdateApiKey, *, items: ItemStore, clock: Clock
) -> dict[str, Any]:
    """`ApiKey`. Raises NotFound, UnrestrictedKeyRequired, PermissionEscalation, RaceCondition, ValidationError."""
    if not body:
        raise ValidationError.at((), "Send at least one of name, permissions")
    for _ in attempts():
        record = visible_key(caller, route, api_key_id, items=items)
        refuse_update(caller, record, body)
        changed = _changed(caller, record, body, clock())
        try:
            items.transact(_update(record, changed))
        except TransactionCancelled:
            continue
        return api_key(changed)
    raise RaceCondition


def delete_api_key(caller: Caller, route: Route, api_key_id: str, *, items: ItemStore) -> None:
    """The key stops working at once; it may be the caller's own. Raises NotFound."""
    record = visible_key(caller, route, api_key_id, items=items)
    row = keys.api_key_record(caller.organization_id, record["api_key_id"])
    others = [action for action in removal(record) if action.key != row]
    try:
        items.transact([Delete(row, Present()), *others])
    except TransactionCancelled as cancelled:
        raise NotFound from cancelled


def _record(caller: Caller, scope: Scope, secret: str, now: int) -> ApiKeyRecord:
    record = new_key(caller.organization_id, uuid7(now), scope.type, scope.id, secret, now)
    if scope.pod_id is not None:
        record["pod_id"] = scope.pod_id
    if scope.inbox_id is not None:
        record["inbox_id"] = scope.inbox_id
    return record


def _changed(caller: Caller, record: KeyRecord, body: UpdateApiKey, now: int) -> KeyRecord:
    changed = record.copy()
    changed["updated_at"] = max(now, record["updated_at"] + 1)
    changed["ver"] = record["ver"] + 1
    if "name" in body:
        changed["name"] = body["name"]
    if "permissions" in body:
        changed.pop("permissions", None)
        if body["permissions"] is not None:
            changed["permissions"] = body["permissions"]
        elif is_public(record):
            changed["permissions"] = effective(caller)
    return changed


def _update(record: KeyRecord, changed: KeyRecord) -> list[Update]:
    """Only what may change is written: `used_at` moves on its own."""
    row = keys.api_key_record(record["organization_id"], record["api_key_id"])
    fields: tuple[Change, ...] = (
        Set("name", changed["name"]),
        Set("updated_at", changed["updated_at"]),
        Set("ver", changed["ver"]),
    )
    as_read = Equals("ver", record["ver"])
    if changed.get("permissions") == record.get("permissions"):
        return [Update(row, fields, as_read)]
    lifted = "permissions" not in changed
    shown: Change = Remove("permissions") if lifted else Set("permissions", changed["permissions"])
    updates = [Update(row, (*fields, shown), as_read)]
    if not is_public(record):
        at_once: Change = Remove("permissions") if lifted else Set("permissions", granted(changed["permissions"]))
        secret = keys.api_key_secret(cast(ApiKeyRecord, record)["secret_hash"])
        updates.append(Update(secret, (at_once,), Present()))
    return updates
