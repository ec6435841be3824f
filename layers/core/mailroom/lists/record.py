"""How a list entry is stored: the row `{direction}#{type}#{entry}` of its scope's list partition. Times are milliseconds."""

from __future__ import annotations

from typing import Literal, NamedTuple, NotRequired, TypedDict, cast, get_args

from mailroom.store.port import Item, without_key

Direction = Literal["send", "receive", "reply"]
ListType = Literal["allow", "block"]

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
LIST_TYPES: tuple[ListType, ...] = get_args(ListType)


class ListName(NamedTuple):
    """Which of the six lists of a scope."""

    direction: Direction
    list_type: ListType


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
    """Of the pod it stands at, or of its inbox."""
    inbox_id: NotRequired[str]


def record_of(row: Item) -> ListEntryRecord:
    return cast(ListEntryRecord, without_key(row))
