"""Lists over one inbox, a pod or the organization: where their entries are, and how the items behind them are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailroom.messages.filters import ListQuery
from mailroom.messages.listing import leading_labels
from mailroom.messages.streams import Entry, Source
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key


def inbox_source(o: str, kind: str, inbox_id: str, asked: ListQuery) -> Source:
    partitions = tuple((keys.index_partition(o, inbox_id, kind, label),) for label in leading_labels(asked.labels))
    return Source(partitions, None, asked.classes, asked.after, asked.before, not asked.paging.ascending)


def wide_source(o: str, kind: str, pod_id: str | None, asked: ListQuery, shards: int) -> Source:
    """Of a pod, or of the organization."""
    partitions = tuple(
        tuple(
            keys.by_pod(o, pod_id, kind, label, shard) if pod_id else keys.by_org(o, kind, label, shard) for shard in range(shards)
        )
        for label in leading_labels(asked.labels)
    )
    descending = not asked.paging.ascending
    return Source(partitions, "by_pod" if pod_id else "by_org", asked.classes, asked.after, asked.before, descending)


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
