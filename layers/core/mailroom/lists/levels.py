"""Reading what an inbox's lists say about some addresses: nothing where there are none, else one trip."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from mailroom.inboxes.record import InboxRecord
from mailroom.keys.scopes import Scope
from mailroom.lists.counts import count, pods_count, row_key
from mailroom.lists.entries import matching
from mailroom.lists.evaluation import Level
from mailroom.lists.record import LIST_TYPES, Direction, ListName, record_of
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key


def count_keys(o: str, inbox_id: str) -> tuple[Key, Key]:
    """What says whether an inbox has lists at all: the counts of the organization, which know of its pods, and of the inbox."""
    return keys.list_counts(o), keys.list_counts(o, inbox_id=inbox_id)


def read_levels(
    o: str,
    inbox: InboxRecord,
    direction: Direction,
    addresses: Iterable[str],
    rows: Mapping[Key, Item],
    *,
    items: ItemStore,
    looked: Collection[Key] = (),
) -> list[Level]:
    """From narrow to wide: inbox, pod, organization. `rows` are those of `count_keys` as far as they exist, and entries that are at
    hand; `looked` are the keys that need not be read again."""
    inbox_id, pod_id = inbox["inbox_id"], inbox["pod_id"]
    scopes = (Scope("inbox", inbox_id, pod_id, inbox_id), Scope("pod", pod_id, pod_id), Scope("organization", o))
    pods = pods_count(rows.get(keys.list_counts(o)), direction) > 0
    names = dict.fromkeys(name for address in addresses for name in matching(address))
    missing = [keys.list_counts(o, pod_id=pod_id)] if pods else []
    for scope in scopes:
        for list_type in LIST_TYPES:
            listed = pods if scope.type == "pod" else count(rows.get(row_key(o, scope)), ListName(direction, list_type))
            if listed:
                missing += [_key(o, scope, ListName(direction, list_type), name) for name in names]
    missing = [key for key in missing if key not in looked]
    found = {**rows, **(items.batch_get(missing) if missing else {})}
    return [_level(o, scope, direction, found) for scope in scopes]


def _key(o: str, scope: Scope, name: ListName, entry: str) -> Key:
    return keys.list_entry(o, *name, entry, pod_id=scope.pod_id, inbox_id=scope.inbox_id)


def _level(o: str, scope: Scope, direction: Direction, rows: Mapping[Key, Item]) -> Level:
    counts = row_key(o, scope)
    here = [record_of(row) for key, row in rows.items() if key.pk == counts.pk and key != counts]
    return Level(
        scope,
        count(rows.get(counts), ListName(direction, "allow")) > 0,
        {(record["list_type"], record["entry"]): record for record in here},
    )
