"""What follows a change of `core`: the third phase of index upkeep, label events, and the end of what hung on deleted items
(design: data.md, "Label change"). Every step may be repeated, and changes of different items may come in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from mailroom.index.label_events import label_events
from mailroom.messages.index import IndexEntry, drop_entry, message_entries, thread_entries, without
from mailroom.messages.record import MessageRecord
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Delete, Item, ItemStore, Put, Update
from mailroom.threads.delete import empty
from mailroom.threads.record import ThreadRecord

Write = Put | Update | Delete


def follow(changes: Sequence[ChangeRecord], *, items: ItemStore, blobs: BlobStore, shards: int) -> None:
    """Raises StoreBusy, OSError; then the changes must come again, from the first on."""
    writes = [write for change in changes for write in writes_of(change, shards=shards)]
    if writes:
        items.write(writes)
    _drop_blobs([change for change in changes if keys.is_message(change.key)], items=items, blobs=blobs)
    for change in changes:
        if keys.is_thread(change.key) and change.new is not None and change.new.get("deleting"):
            o, inbox_id = keys.owner(change.key.pk)
            empty(o, inbox_id, change.new["thread_id"], items=items)


def writes_of(change: ChangeRecord, *, shards: int) -> list[Write]:
    """Index entries that the item no longer has, and the events of labels that came or went."""
    if keys.is_message(change.key):
        o, _ = keys.owner(change.key.pk)
        return [*_dropped(change, _message_entries(o, change.old), _message_entries(o, change.new)), *label_events(o, change)]
    if keys.is_thread(change.key):
        o, _ = keys.owner(change.key.pk)
        return _dropped(change, _thread_entries(o, change.old, shards), _thread_entries(o, change.new, shards))
    return []


def _message_entries(o: str, image: Item | None) -> list[IndexEntry]:
    return message_entries(o, cast(MessageRecord, image)) if image is not None else []


def _thread_entries(o: str, image: Item | None, shards: int) -> list[IndexEntry]:
    return thread_entries(o, cast(ThreadRecord, image), shards) if image is not None else []


def _dropped(change: ChangeRecord, before: Iterable[IndexEntry], after: Iterable[IndexEntry]) -> list[Write]:
    return [drop_entry(entry, change.old["ver"]) for entry in without(before, after)] if change.old is not None else []


def _drop_blobs(changes: Sequence[ChangeRecord], *, items: ItemStore, blobs: BlobStore) -> None:
    """A mail that was deleted and delivered again owns blobs of the same name: they stay while its row is there."""
    gone = [change for change in changes if change.old is not None and (change.new or {}).get("uid") != change.old["uid"]]
    current = items.batch_get([change.key for change in gone]) if gone else {}
    for change in gone:
        old = cast(MessageRecord, change.old)
        if current.get(change.key, {}).get("uid") != old["uid"]:
            o, inbox_id = keys.owner(change.key.pk)
            blobs.delete_prefix(keys.blob_message(o, inbox_id, old["uid"]))
