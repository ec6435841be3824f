"""How an organization is stored. Times are milliseconds."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mailroom.store import keys
from mailroom.store.port import Key, Put


class OrganizationRecord(TypedDict):
    """The row `ORG`."""

    organization_id: str
    default_pod_id: str
    inbox_count: int
    domain_count: int
    created_at: int
    updated_at: int
    name: NotRequired[str]
    """For the operator; no caller sees it."""
    suspended: NotRequired[int]
    """Since when; also on every credential of the organization (`organizations.suspension`)."""


def listed(record: OrganizationRecord) -> Put:
    """The row by which the operator finds it, written with it. It never changes."""
    sort = keys.listing_sort(record["created_at"], record["organization_id"])
    return Put(Key("idx", keys.organization_list(), sort), {})
