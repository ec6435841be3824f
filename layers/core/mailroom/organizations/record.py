"""How organizations and pods are stored. Times are milliseconds."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class OrganizationRecord(TypedDict):
    """The row `ORG`."""

    organization_id: str
    default_pod_id: str
    inbox_count: int
    domain_count: int
    created_at: int
    updated_at: int


class PodRecord(TypedDict):
    """The row `POD#{pod_id}`. `inbox_count` moves in the transactions that create and delete inboxes."""

    pod_id: str
    name: str
    inbox_count: int
    created_at: int
    updated_at: int
    client_id: NotRequired[str]
    default: NotRequired[bool]
