"""Who may give what to whom (spec: organizations-auth-apikeys.md, "Create", rules in order, and "Update")."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import PermissionEscalation, UnrestrictedKeyRequired, ValidationError
from mailroom.keys.model import CreateApiKey, UpdateApiKey
from mailroom.keys.permissions import effective, refuse_escalation
from mailroom.keys.record import KeyRecord


def new_permissions(caller: Caller, body: CreateApiKey) -> dict[str, bool] | None:
    """None is unrestricted. Raises PermissionEscalation, UnrestrictedKeyRequired."""
    permissions = body.get("permissions")
    if permissions is not None:
        refuse_escalation(caller, permissions)
        return permissions
    if caller.permissions is None:
        return None
    if "permissions" in body:
        raise UnrestrictedKeyRequired(fix="Send a permissions object, or use an unrestricted key.")
    return effective(caller)


def new_expiry(caller: Caller, body: CreateApiKey, now: int) -> int | None:
    """Raises PermissionEscalation, ValidationError."""
    if "expires_at" not in body:
        return caller.expires_at
    expires_at = body["expires_at"] // 1000
    if caller.expires_at is not None and expires_at > caller.expires_at:
        raise PermissionEscalation(fix="Choose an expires_at that is not later than that of the key in use.")
    if expires_at <= now:
        raise ValidationError.at("expires_at", "Must be in the future")
    return expires_at


def refuse_update(caller: Caller, record: KeyRecord, body: UpdateApiKey) -> None:
    """Raises UnrestrictedKeyRequired, PermissionEscalation."""
    if caller.permissions is None:
        return
    clears = "permissions" in body and body["permissions"] is None
    if clears or "permissions" not in record:
        raise UnrestrictedKeyRequired(fix="Use a key without restrictions.")
    refuse_escalation(caller, body.get("permissions") or {})
