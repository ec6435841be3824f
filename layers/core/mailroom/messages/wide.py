"""Lists over one inbox, a pod or the organization: where their entries are, and how the items behind them are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mailroom.callers import Caller
from mailroom.http.endpoint import Request
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route, owner_keys, route_of
from mailroom.messages.filters import ListQuery
from mailroom.messages.listing import leading_labels
from mailroom.messages.streams import Entry, Source
from mailroom.messages.walker import first_queries
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import Index, Item, ItemStore, Key, Reads


class Reach(NamedTuple):
    """What a list is of."""

    source: Source
    wide: bool
    """Of many inboxes."""


def list_reads(o: str, kind: str, request: Request) -> Reads:
    """What `reach` asks for, and the first entries. The list of the organization, too, is read ahead; a key of narrower scope costs
    one more trip."""
    asked: ListQuery | None = request.query
    if asked is None:
        return Reads()
    route, shards = route_of(request.path), request.runtime.config.index_shards
    source = _source(o, kind, route.inbox_id, route.pod_id, asked, shards)
    return Reads(owner_keys(o, route), first_queries(source, asked.position, asked.paging.limit, filtered=bool(asked.texts)))


def reach(caller: Caller, route: Route, kind: str, asked: ListQuery, *, items: ItemStore, shards: int) -> Reach:
    """Of the route's inbox or pod, else of all that the caller reaches. Raises NotFound for an inbox or pod that is not there."""
    inbox_id = route.inbox_id or caller.inbox_id
    if inbox_id is not None:
        require_inbox(caller, inbox_id, items=items)
    elif route.pod_id is not None:
        require_pod(caller, route.pod_id, items=items)
    pod_id = route.pod_id or caller.pod_id
    return Reach(_source(caller.organization_id, kind, inbox_id, pod_id, asked, shards), inbox_id is None)


def _source(o: str, kind: str, inbox_id: str | None, pod_id: str | None, asked: ListQuery, shards: int) -> Source:
    """Of an inbox, a pod, or the organization."""

    def partitions(label: str) -> tuple[str, ...]:
        if inbox_id is not None:
            return (keys.index_partition(o, inbox_id, kind, label),)
        by_shard = range(shards)
        if pod_id is not None:
            return tuple(keys.by_pod(o, pod_id, kind, label, shard) for shard in by_shard)
        return tuple(keys.by_org(o, kind, label, shard) for shard in by_shard)

    index: Index | None = None if inbox_id is not None else "by_org" if pod_id is None else "by_pod"
    labels = tuple(partitions(label) for label in leading_labels(asked.labels))
    return Source(labels, index, asked.classes, asked.after, asked.before, not asked.paging.ascending)


def load_items(
    o: str, entries: Sequence[Entry], row_key: Callable[[str, str, str], Key], *, items: ItemStore, wide: bool
) -> list[Item | None]:
    """For each entry its item. `row_key`: of (organization, inbox, id). Where they come from many inboxes (wide), these are read as
    well: one that is being deleted has nothing any more."""
    inboxes = [keys.owner(entry.key.pk)[1] for entry in entries]
    wanted = [row_key(o, inbox_id, keys.index_identity(entry.place)) for inbox_id, entry in zip(inboxes, entries, strict=True)]
    owners = [keys.inbox(o, inbox_id) for inbox_id in inboxes]
    found = items.batch_get(list(dict.fromkeys([*wanted, *(owners if wide else ())])))
    dead = {owner for owner in owners if wide and (owner not in found or "state" in found[owner])}
    return [None if owner in dead else found.get(key) for key, owner in zip(wanted, owners, strict=True)]
