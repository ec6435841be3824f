"""How a pod is stored: the row `POD#{pod_id}` of its organization. Times are milliseconds."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast

from mailroom.store.port import Item, without_key


class PodRecord(TypedDict):
    pod_id: str
    """Sorts by creation."""
    name: str
    inbox_count: int
    """Moves in the transactions that create and delete inboxes."""
    created_at: int
    updated_at: int
    description: NotRequired[str]
    client_id: NotRequired[str]
    default: NotRequired[bool]
    domain_count: NotRequired[int]
    polling_count: NotRequired[int]
    state: NotRequired[Literal["deleting"]]
    """Set when deletion starts: the pod no longer exists for readers, and nothing may be added to it."""


def record_of(row: Item) -> PodRecord:
    return cast(PodRecord, without_key(row))
