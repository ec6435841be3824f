"""Whether an inbox exists for a caller: the first question of everything below `/inboxes/{inbox_id}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.inboxes.record import InboxRecord
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Reads

if TYPE_CHECKING:
    from mailroom.http.endpoint import Request


def inbox_reads(o: str, request: Request) -> Reads:
    """What `require_inbox` asks for, to be prefetched."""
    return Reads((keys.inbox(o, request.path["inbox_id"].lower()),))


def require_inbox(caller: Caller, inbox_id: str, *, items: ItemStore, pod_id: str | None = None) -> InboxRecord:
    """The live inbox. Raises NotFound when it is unknown, being deleted, or outside the caller's scope or the route's pod."""
    record = in_reach(caller, items.get(keys.inbox(caller.organization_id, inbox_id)), pod_id=pod_id)
    if "state" in record:
        raise NotFound
    return record


def in_reach(caller: Caller, row: Item | None, *, pod_id: str | None = None) -> InboxRecord:
    """The inbox of a row, also while it is being deleted. Raises NotFound."""
    if row is None:
        raise NotFound
    if caller.scope_type == "pod" and row["pod_id"] != caller.pod_id:
        raise NotFound
    if caller.scope_type == "inbox" and row["inbox_id"] != caller.inbox_id:
        raise NotFound
    if pod_id is not None and row["pod_id"] != pod_id:
        raise NotFound
    return cast(InboxRecord, row)
