"""How an organization is stored. Times are milliseconds."""

from __future__ import annotations

from typing import TypedDict


class OrganizationRecord(TypedDict):
    """The row `ORG`."""

    organization_id: str
    default_pod_id: str
    inbox_count: int
    domain_count: int
    created_at: int
    updated_at: int
