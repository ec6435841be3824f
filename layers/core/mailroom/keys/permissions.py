"""What a key can be granted (spec: organizations-auth-apikeys.md, "Permissions")."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import PermissionEscalation
from mailroom.http.body import Schema, boolean, closed_object
from mailroom.keys.record import granted


def _family(name: str, *actions: str) -> tuple[str, ...]:
    return tuple(f"{name}_{action}" for action in actions)


PERMISSIONS = (
    *_family("inbox", "read", "create", "update", "delete"),
    *_family("message", "read", "reply", "send", "update", "delete"),
    *("label_spam_read", "label_blocked_read", "label_unauthenticated_read", "label_trash_read"),
    *_family("draft", "read", "create", "update", "delete", "send"),
    *_family("webhook", "read", "create", "update", "delete"),
    *_family("domain", "read", "create", "update", "delete"),
    *_family("list_entry", "read", "create", "delete"),
    "metrics_read",
    *_family("api_key", "read", "create", "update", "delete"),
    *_family("pod", "read", "create", "update", "delete"),
    *("agent_armor_release", "app_connect", "app_share_owner", "account_update"),
    *_family("calendar", "read", "update"),
    *_family("calendar_event", "read", "create", "update", "delete"),
    *_family("file", "read", "create", "update", "delete"),
)


def permissions_object() -> Schema:
    """Unknown names are refused: a mistyped grant must not pass silently."""
    return closed_object({name: boolean() for name in PERMISSIONS})


def effective(caller: Caller) -> dict[str, bool]:
    """What scope and permissions together leave the caller."""
    return {name: True for name in PERMISSIONS if caller.can(name)}


def refuse_escalation(caller: Caller, permissions: dict[str, bool]) -> None:
    """Raises PermissionEscalation where a restricted caller would grant what it does not effectively hold."""
    if caller.permissions is None:
        return
    for name in granted(permissions):
        if not caller.can(name):
            raise PermissionEscalation(fix=f"Leave out {name}, or use a key that has it.")
