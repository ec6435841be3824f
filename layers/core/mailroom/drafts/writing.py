"""Writing a draft: its row, its text, its index entries and its place among the due ones, in one transaction.

Index entries, timers and blobs that a change leaves behind go by the change feed (`drafts.follow`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from mailroom.drafts.record import DraftRecord
from mailroom.drafts.timers import Firing
from mailroom.inboxes.record import live
from mailroom.messages.index import draft_entries, put_entry, transact, without
from mailroom.store import keys
from mailroom.store.due import shard_of
from mailroom.store.port import Absent, Action, Check, Delete, Equals, ItemStore, Key, Put, Update, without_key

Text = bytes | Literal["gone", "kept"]
"""Of a written draft: packed, for the row beside it; not there (any more); as it was."""


def save(
    o: str,
    before: DraftRecord | None,
    after: DraftRecord,
    *,
    items: ItemStore,
    shards: int,
    now: int,
    text: Text = "kept",
    along: Sequence[Action] = (),
) -> None:
    """Raises TransactionCancelled: failure 0 where the draft is not `before` any more, 1 where the inbox is gone."""
    inbox = Check(keys.inbox(o, after["inbox_id"]), live())
    rows = written(o, before, after, now=now, text=text)
    transact([rows[0], inbox, *rows[1:], *along], entries(o, before, after, shards=shards, now=now), items=items)


def written(o: str, before: DraftRecord | None, after: DraftRecord, *, now: int, text: Text = "kept") -> list[Action]:
    """The draft's row first, under the condition that it is as `before`."""
    key = keys.draft(o, after["inbox_id"], after["draft_id"])
    actions: list[Action] = [Put(key, without_key(after), Absent() if before is None else unchanged(before))]
    if before is None:
        actions.append(Put(keys.draft_pointer(o, after["draft_id"]), {"inbox_id": after["inbox_id"]}))
    if isinstance(text, bytes):
        actions.append(Put(keys.body(key), {"data": text}))
    elif text == "gone" and before is not None:
        actions.append(Delete(keys.body(key)))
    old, new = due_entry(before), due_entry(after)
    if old is not None and old != new:
        actions.append(Delete(old))
    if new is not None and (old != new or cast(DraftRecord, before)["timer"] != after["timer"]):
        firing = Firing(o, after["inbox_id"], after["draft_id"], after["timer"], now)
        actions.append(Put(new, dict(firing._asdict())))
    return actions


def entries(o: str, before: DraftRecord | None, after: DraftRecord, *, shards: int, now: int) -> list[Update]:
    """Of the index: those that the draft did not have before."""
    known = draft_entries(o, before, shards) if before is not None else []
    return [put_entry(entry, after["ver"], now) for entry in without(draft_entries(o, after, shards), known)]


def removed(o: str, inbox_id: str, draft_id: str, *, client_id: str | None, due: int | None) -> list[Delete]:
    """All rows of a draft but those that go by the change feed; its own row first, under no condition."""
    key = keys.draft(o, inbox_id, draft_id)
    found = [Delete(key), Delete(keys.body(key)), Delete(keys.draft_pointer(o, draft_id))]
    if client_id is not None:
        found.append(Delete(keys.client_id(o, "draft", client_id)))
    if due is not None:
        found.append(Delete(_due_key(draft_id, due)))
    return found


def beside(o: str, draft: DraftRecord) -> list[Delete]:
    """The rows outside of its inbox."""
    whole = removed(o, draft["inbox_id"], draft["draft_id"], client_id=draft.get("client_id"), due=draft.get("due"))
    return whole[2:]


def unchanged(draft: DraftRecord) -> Equals:
    return Equals("ver", draft["ver"])


def due_entry(draft: DraftRecord | None) -> Key | None:
    """Where the sweep finds it. A draft that is being sent keeps its place until it is sent."""
    return _due_key(draft["draft_id"], draft["due"]) if draft is not None and "due" in draft else None


def _due_key(draft_id: str, due: int) -> Key:
    return Key("idx", keys.due_drafts(shard_of(draft_id)), keys.listing_sort(due, draft_id))
