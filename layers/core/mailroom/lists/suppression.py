"""Addresses that an organization's mail must not go to any more (spec: lists.md, "Suppression").

They are read-only entries of the organization's send block list, made by the service after a permanent bounce, a complaint or an
unsubscribe. They hold at every scope, whatever else the lists say, and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

from mailroom.errors import NotFound
from mailroom.keys.scopes import Scope
from mailroom.lists.counts import lowered
from mailroom.lists.record import ListEntryRecord, ListName, record_of
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    ConditionFailed,
    Delete,
    Equals,
    Item,
    ItemStore,
    Key,
    Lacks,
    Present,
    Put,
    Query,
    all_of,
)

Reason = Literal["bounce", "complaint", "unsubscribe"]

LIST = ListName("send", "block")
PAGE = 200


def key(o: str, address: str) -> Key:
    """Of a bare address, in any case."""
    return keys.list_entry(o, *LIST, address.lower())


def suppressing(o: str, addresses: Mapping[Key, str], reason: Reason, found: Mapping[Key, Item], *, now: int) -> list[Action]:
    """What suppresses the addresses, given by their keys, as far as they are not yet; `found` holds the entries that are there. A
    caller's own becomes the service's. The conditions fail where an entry has changed since."""
    fresh = {each: address for each, address in addresses.items() if not found.get(each, {}).get("read_only")}
    own = sum(each in found for each in fresh)
    counted = lowered(o, Scope("organization", o), LIST, own) if own else []
    return [*(_entry(o, each, address, reason, found.get(each), now) for each, address in fresh.items()), *counted]


def lifting(o: str, address: str, before: Item | None) -> list[Delete]:
    """What ends a suppression by a bounce where the address gets an inbox: the mail came back because there was none."""
    if before is None or not before.get("read_only") or before["reason"] != "bounce":
        return []
    return [Delete(key(o, address), all_of(Equals("read_only", True), Equals("reason", "bounce")))]


def suppressed(o: str, *, items: ItemStore) -> Iterator[ListEntryRecord]:
    """By address. A page is a trip; it also holds the caller's own entries."""
    partition, (low, high) = keys.lists(o), keys.list_range(*LIST)
    start = None
    while True:
        rows = items.query(Query("core", partition, PAGE, low, high, start=start))
        yield from (record_of(row) for row in rows if row.get("read_only"))
        if len(rows) < PAGE:
            return
        start = (partition, rows[-1]["sk"])


def remove(o: str, address: str, *, items: ItemStore) -> None:
    """The operator's word that mail may go there again. Raises NotFound where the service has not suppressed the address."""
    try:
        items.delete(key(o, address), Equals("read_only", True))
    except ConditionFailed as failed:
        raise NotFound(f"{address} is not suppressed") from failed


def _entry(o: str, place: Key, address: str, reason: Reason, before: Item | None, now: int) -> Put:
    entry = ListEntryRecord(
        entry=address.lower(),
        organization_id=o,
        direction=LIST.direction,
        list_type=LIST.list_type,
        entry_type="email",
        created_at=before["created_at"] if before is not None else now,
        reason=reason,
        read_only=True,
    )
    return Put(place, cast(Item, entry), Absent() if before is None else all_of(Present(), Lacks("read_only")))
