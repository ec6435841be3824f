"""Who asks: an authenticated credential with its scope and permissions (spec: organizations-auth-apikeys.md)."""

from __future__ import annotations

from typing import Literal, NamedTuple

from mailroom.errors import MissingPermission, NotFound

ScopeType = Literal["organization", "pod", "inbox"]

RESTRICTED_LABELS = ("spam", "blocked", "unauthenticated", "trash")

AGENT_VERIFY = "agent_verify"
"""Comes with a key of an organization that is not verified yet, and with nothing else."""

NEVER_IMPLIED = frozenset({"agent_armor_release", "app_connect"})
_NOT_FOR_PODS = frozenset({"pod_create", "pod_delete"})
_NOT_FOR_INBOXES_PREFIX = ("domain_", "pod_")
_NOT_FOR_INBOXES = frozenset({"inbox_create", "inbox_delete"})
_NOT_WHILE_UNVERIFIED = frozenset({"api_key_create", "file_create"})


class Caller(NamedTuple):
    organization_id: str
    scope_type: ScopeType
    scope_id: str
    pod_id: str | None = None
    inbox_id: str | None = None
    api_key_id: str | None = None
    permissions: frozenset[str] | None = None
    """What is granted; None is unrestricted."""
    expires_at: int | None = None
    """Milliseconds."""
    unverified: bool = False
    """Its organization was made by an agent for which no human has answered yet (spec: "Agent sign-up")."""

    def can(self, permission: str) -> bool:
        """Scope and permissions together: what the scope allows AND what the key grants."""
        if self.scope_type == "inbox" and (permission in _NOT_FOR_INBOXES or permission.startswith(_NOT_FOR_INBOXES_PREFIX)):
            return False
        if self.scope_type == "pod" and permission in _NOT_FOR_PODS:
            return False
        if permission == "organization_read":
            return self.scope_type == "organization"
        if permission == AGENT_VERIFY:
            return self.unverified and self.scope_type == "organization"
        if self.unverified and permission in _NOT_WHILE_UNVERIFIED:
            return False
        if self.permissions is None:
            return permission not in NEVER_IMPLIED
        return permission in self.permissions

    def require(self, *permissions: str) -> None:
        """Raises MissingPermission for the first one lacking."""
        for permission in permissions:
            if not self.can(permission):
                raise self.lacks(permission)

    def lacks(self, permission: str) -> MissingPermission:
        """What is answered to a caller that cannot do this."""
        if permission == AGENT_VERIFY:
            return MissingPermission(fix=f"The permission {AGENT_VERIFY} is held only while an agent's organization is unverified.")
        if self.unverified and self._replace(unverified=False).can(permission):
            return MissingPermission.unverified(permission)
        return MissingPermission.of(permission)

    def unreadable_labels(self) -> frozenset[str]:
        """Restricted labels whose items do not exist for this caller."""
        return frozenset(label for label in RESTRICTED_LABELS if not self.can(f"label_{label}_read"))

    def require_visible(self, labels: list[str]) -> None:
        """Raises NotFound where an item carries a label this caller may not read."""
        if not self.unreadable_labels().isdisjoint(labels):
            raise NotFound
