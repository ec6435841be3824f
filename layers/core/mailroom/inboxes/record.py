"""How an inbox is stored: the row `A` of its core partition, and the routing row of its address. Times are milliseconds.

Optional attributes are absent, never None.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from mailroom.store.port import AllOf, Lacks, Present, all_of


class InboxRecord(TypedDict):
    inbox_id: str
    pod_id: str
    created_at: int
    updated_at: int
    ver: int
    display_name: NotRequired[str]
    client_id: NotRequired[str]
    status: NotRequired[Literal["paused"]]
    metadata: NotRequired[str]
    """JSON text: the store has no floats."""
    state: NotRequired[Literal["deleting"]]
    """Set when deletion starts: the inbox no longer exists for readers, and nothing may be added to it."""
    reused_after: NotRequired[int]
    """When the address was released by an inbox before this one: what is older was meant for that one."""
    purging_until: NotRequired[int]
    """Lease of the worker that empties it."""


class AddressRecord(TypedDict):
    organization_id: str
    inbox_id: str
    pod_id: str
    state: Literal["live", "deleting", "released"]
    released_at: NotRequired[int]
    paused: NotRequired[bool]


def live() -> AllOf:
    """The condition on the row of an inbox or a pod under which anything may be written into it."""
    return all_of(Present(), Lacks("state"))
