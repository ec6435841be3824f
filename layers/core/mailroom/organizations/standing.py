"""Whether an organization may act at the moment. Credentials say so themselves; what acts without one asks here."""

from __future__ import annotations

from mailroom.errors import OrganizationSuspended
from mailroom.store import keys
from mailroom.store.port import Check, Item, Lacks


def active(o: str) -> Check:
    """For the transaction of what a suspended organization must not begin: a new credential, a mail sent by a timer."""
    return Check(keys.organization(o), Lacks("suspended"))


def require_active(organization: Item | None) -> None:
    """Raises OrganizationSuspended. Given the row `ORG`."""
    if organization is not None and "suspended" in organization:
        raise OrganizationSuspended
