"""Index entries of messages and threads, and the guards under which they are written and dropped (design: data.md, "Writes").

An entry is written before (or with) the item it leads to and dropped after, from the change feed: the index is a superset of the
truth. `mv` is the version of the item it was last written for, `w` when, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailroom.ids import digest26
from mailroom.messages.labels import visibility
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import MAX_TRANSACTION, Absent, Action, AtMost, Delete, ItemStore, Key, Set, Update, any_of
from mailroom.threads.record import ThreadRecord

if TYPE_CHECKING:
    from mailroom.drafts.record import DraftRecord

MESSAGES, CONVERSATION, THREADS, DRAFTS = "M", "C", "T", "D"


class IndexEntry(NamedTuple):
    key: Key
    attributes: dict[str, str]
    """What the secondary indexes sort it under."""


def message_sort(record: MessageRecord) -> str:
    return keys.index_sort(visibility(record["labels"]), record["ts"], record["message_id"], digest26(record["message_id"]))


def thread_sort(record: ThreadRecord) -> str:
    return keys.index_sort(visibility(record["labels"]), record["ts"], record["thread_id"], record["thread_id"])


def draft_sort(record: DraftRecord) -> str:
    return keys.index_sort(visibility(record["labels"]), record["updated_at"], record["draft_id"], record["draft_id"])


def message_entries(o: str, record: MessageRecord) -> list[IndexEntry]:
    """One for the inbox, one for the conversation, one for each label."""
    sort, inbox_id = message_sort(record), record["inbox_id"]
    partitions = [keys.index_partition(o, inbox_id, MESSAGES, label) for label in (keys.ALL, *record["labels"])]
    partitions.append(keys.index_partition(o, inbox_id, CONVERSATION, record["thread_id"]))
    return [IndexEntry(Key("idx", partition, sort), {}) for partition in partitions]


def thread_entries(o: str, record: ThreadRecord, shards: int) -> list[IndexEntry]:
    """One for the inbox and one for each label, each also under pod and organization. A thread being deleted has none."""
    return [] if record.get("deleting") else _wide_entries(o, record, THREADS, thread_sort(record), shards)


def draft_entries(o: str, record: DraftRecord, shards: int) -> list[IndexEntry]:
    """Like those of a thread."""
    return _wide_entries(o, record, DRAFTS, draft_sort(record), shards)


def _wide_entries(o: str, record: ThreadRecord | DraftRecord, kind: str, sort: str, shards: int) -> list[IndexEntry]:
    inbox_id, pod_id = record["inbox_id"], record["pod_id"]
    shard = keys.shard_of(inbox_id, shards)
    return [
        IndexEntry(
            Key("idx", keys.index_partition(o, inbox_id, kind, label), sort),
            {"by_pod": keys.by_pod(o, pod_id, kind, label, shard), "by_org": keys.by_org(o, kind, label, shard)},
        )
        for label in (keys.ALL, *record["labels"])
    ]


def without(entries: Iterable[IndexEntry], others: Iterable[IndexEntry]) -> list[IndexEntry]:
    """Those of `entries` that are not among `others`."""
    known = {entry.key for entry in others}
    return [entry for entry in entries if entry.key not in known]


def put_entry(entry: IndexEntry, ver: int, now: int) -> Update:
    """`ver` is the version of the item that will carry the entry. A failed condition means that the item has moved on."""
    changes = [Set("mv", ver), Set("w", now), *(Set(name, value) for name, value in entry.attributes.items())]
    return Update(entry.key, tuple(changes), any_of(Absent(), AtMost("mv", ver)))


def drop_entry(entry: IndexEntry, ver: int) -> Delete:
    """`ver` is the last version of the item that carried the entry. Without the guard a replayed change would take away an entry
    that a later version has put back."""
    return Delete(entry.key, AtMost("mv", ver))


def transact(actions: Sequence[Action], entries: Sequence[Update], *, items: ItemStore, most: int = MAX_TRANSACTION) -> None:
    """All actions, and as many entries as `most` leaves room for, or nothing. The other entries go first, whatever comes of it: the
    index may hold too much, never too little. Raises TransactionCancelled, with the positions of the actions."""
    room = max(most - len(actions), 0)
    if surplus := entries[room:]:
        items.write(surplus)
    items.transact([*actions, *entries[:room]])
