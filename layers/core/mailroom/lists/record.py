"""How a list entry is stored: the row `{direction}#{type}#{entry}` of its scope's list partition. Times are milliseconds."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Direction = Literal["send", "receive", "reply"]
ListType = Literal["allow", "block"]


class ListEntryRecord(TypedDict):
    entry: str
    """A bare address or a domain, in lower case."""
    organization_id: str
    direction: Direction
    list_type: ListType
    entry_type: Literal["email", "domain"]
    created_at: int
    reason: NotRequired[str]
    read_only: NotRequired[bool]
    """Made by the service; True or absent. Callers can neither change nor delete it."""
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
