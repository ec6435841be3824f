"""What follows a change of `core`: the third phase of index upkeep, label events, and the end of what hung on deleted items
(design: data.md, "Label change"). Every step may be repeated, and changes of different items may come in any order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from mailroom.clock import Clock
from mailroom.drafts.follow import follow_drafts
from mailroom.drafts.record import DraftRecord
from mailroom.index.label_events import label_events, take_back_late
from mailroom.messages.index import IndexEntry, draft_entries, drop_entry, message_entries, thread_entries, without
from mailroom.messages.record import MessageRecord
from mailroom.ports import BlobStore, Timers
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Delete, Item, ItemStore, Key, Put, Update
from mailroom.threads.delete import empty
from mailroom.threads.record import ThreadRecord

Write = Put | Update | Delete

DELETED: Item = {"state": "deleted"}


NOTICES_LIVE_MS = 15 * 24 * 3600 * 1000
"""Longer than a queue keeps the notice of an arrived mail."""


def follow(
    changes: Sequence[ChangeRecord], *, items: ItemStore, blobs: BlobStore, timers: Timers, clock: Clock, shards: int
) -> None:
    """Raises StoreBusy, OSError; then the changes must come again, from the first on."""
    writes = [write for change in changes for write in writes_of(change, shards=shards)]
    if writes:
        items.write(writes)
        take_back_late([write for write in writes if isinstance(write, Put)], items=items)
    _bury([change for change in changes if keys.is_message(change.key)], items=items, blobs=blobs, now=clock())
    follow_drafts(changes, blobs=blobs, timers=timers, now=clock())
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
    if keys.is_draft(change.key):
        o, _ = keys.owner(change.key.pk)
        return _dropped(change, _draft_entries(o, change.old, shards), _draft_entries(o, change.new, shards))
    return []


def _message_entries(o: str, image: Item | None) -> list[IndexEntry]:
    return message_entries(o, cast(MessageRecord, image)) if image is not None else []


def _thread_entries(o: str, image: Item | None, shards: int) -> list[IndexEntry]:
    return thread_entries(o, cast(ThreadRecord, image), shards) if image is not None else []


def _draft_entries(o: str, image: Item | None, shards: int) -> list[IndexEntry]:
    return draft_entries(o, cast(DraftRecord, image), shards) if image is not None else []


def _dropped(change: ChangeRecord, before: Iterable[IndexEntry], after: Iterable[IndexEntry]) -> list[Write]:
    return [drop_entry(entry, change.old["ver"]) for entry in without(before, after)] if change.old is not None else []


def _bury(changes: Sequence[ChangeRecord], *, items: ItemStore, blobs: BlobStore, now: int) -> None:
    """Takes away the blobs and pixels of deleted messages, and notes that their arrival is no news any more. Those whose row is
    there again stay. An inbox that goes as a whole needs no notes: a later one refuses the mail of an earlier one."""
    gone = [change for change in changes if change.old is not None and (change.new or {}).get("uid") != change.old["uid"]]
    if not gone:
        return
    inboxes = {change.key.pk: keys.inbox(*keys.owner(change.key.pk)) for change in gone}
    current = items.batch_get([*(change.key for change in gone), *inboxes.values()])
    gone = [change for change in gone if current.get(change.key, {}).get("uid") != cast(Item, change.old)["uid"]]
    notes = [
        _note(cast(Item, each.old), each.key, now) for each in gone if "state" not in current.get(inboxes[each.key.pk], DELETED)
    ]
    if writes := [write for write in (*notes, *map(_pixel, gone)) if write is not None]:
        items.write(writes)
    for change in gone:
        o, inbox_id = keys.owner(change.key.pk)
        blobs.delete_prefix(keys.blob_message(o, inbox_id, cast(Item, change.old)["uid"]))


def _pixel(change: ChangeRecord) -> Delete | None:
    """Nobody can open it any more."""
    uid = cast(Item, change.old).get("opening")
    return Delete(keys.opening(*keys.owner(change.key.pk), uid)) if uid is not None else None


def _note(old: Item, key: Key, now: int) -> Put | None:
    until = old["ts"] + NOTICES_LIVE_MS
    if "received" not in old["labels"] or until < now:
        return None
    return Put(keys.deleted_mail(*keys.owner(key.pk), old["uid"]), {"ttl": until // 1000})
