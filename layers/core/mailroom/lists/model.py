"""What callers send about a list, and the `ListEntry` they get back (spec: lists.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, NotRequired, TypedDict, cast

from mailroom.clock import to_wire
from mailroom.http.body import Body, checked, object_of, string
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.lists.entries import check_entry
from mailroom.lists.record import DIRECTIONS, LIST_TYPES, Direction, ListEntryRecord, ListName, ListType

MAX_REASON = 256


class CreateListEntry(TypedDict):
    entry: str
    reason: NotRequired[str]


class ListPage(NamedTuple):
    """Which page of which list."""

    name: ListName
    paging: Paging


CREATE_LIST_ENTRY: Body[CreateListEntry] = Body(
    object_of(("entry",), entry=checked(string(low=1), check_entry), reason=string(high=MAX_REASON))
)


def list_name(path: Mapping[str, str], params: Params) -> ListName:
    """What the path says; a word that is none is reported with the query's errors."""
    for field, allowed in (("direction", DIRECTIONS), ("type", LIST_TYPES)):
        if path[field] not in cast(Sequence[str], allowed):
            params.reject(field, f"Input should be one of {', '.join(allowed)}")
    return ListName(cast(Direction, path["direction"]), cast(ListType, path["type"]))


def list_entry(record: ListEntryRecord) -> dict[str, Any]:
    """The `ListEntry` of the wire; at pod and inbox scope the `PodListEntry`."""
    return {**record, "created_at": to_wire(record["created_at"])}
