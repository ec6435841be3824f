"""Addresses that an organization's mail must not go to any more (spec: lists.md, "Suppression").

They are read-only entries of the organization's send block list, made by the service after a permanent bounce, a complaint or an
unsubscribe. They hold at every scope, whatever else the lists say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, cast

from mailroom.errors import MessageRejected
from mailroom.lists.record import ListEntryRecord
from mailroom.store import keys
from mailroom.store.port import Delete, Equals, Item, ItemStore, Key, Put

Reason = Literal["bounce", "complaint", "unsubscribe"]

FIX = (
    "Leave out {}: suppressed after a {}, by read-only entries of the organization's send block list that only the operator "
    "can remove."
)


def key(o: str, address: str) -> Key:
    """Of a bare address, in any case."""
    return keys.list_entry(o, "send", "block", address.lower())


def suppressing(o: str, address: str, reason: Reason, before: Item | None, *, now: int) -> Put | None:
    """What suppresses an address; None where it is already. A caller's own entry becomes the service's."""
    if before is not None and before.get("read_only"):
        return None
    entry = ListEntryRecord(
        entry=address.lower(),
        organization_id=o,
        direction="send",
        list_type="block",
        entry_type="email",
        created_at=before["created_at"] if before is not None else now,
        reason=reason,
        read_only=True,
    )
    return Put(key(o, address), cast(Item, entry))


def lifting(o: str, address: str, before: Item | None) -> list[Delete]:
    """What ends a suppression by a bounce where the address gets an inbox: the mail came back because there was none."""
    if before is None or not before.get("read_only") or before["reason"] != "bounce":
        return []
    return [Delete(key(o, address), Equals("reason", "bounce"))]


def require_unsuppressed(o: str, addresses: Iterable[str], *, items: ItemStore) -> None:
    """Raises MessageRejected for recipients that are suppressed: one is enough to refuse the whole mail."""
    by_key = {key(o, address): address for address in addresses}
    found = items.batch_get(list(by_key))
    refused = {by_key[each]: row for each, row in found.items() if row.get("read_only")}
    if refused:
        raise _rejection(refused, [address for address in by_key.values() if address in refused])


def _rejection(refused: Mapping[str, Item], addresses: Sequence[str]) -> MessageRejected:
    reasons = sorted({str(refused[address]["reason"]) for address in addresses})
    return MessageRejected(
        "Recipients refused: " + ", ".join(f"{address} (blocked)" for address in addresses),
        fix=FIX.format(", ".join(refused[address]["entry"] for address in addresses), " or ".join(reasons)),
    )
