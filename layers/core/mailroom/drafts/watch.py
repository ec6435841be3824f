"""`cancel_on`: whether somebody has answered in the thread since the draft began to watch it (docs/drafts.md).

A message is new by when it was stored, not by what its sender or the provider says. Clocks differ, and a message that is being
stored while the draft is written may have its time from before: so about a minute is looked at message by message.
"""

from __future__ import annotations

from typing import cast

from mailroom.drafts.record import DraftRecord, Watch
from mailroom.mail.addresses import bare, strip_plus
from mailroom.messages.index import CONVERSATION
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import ItemStore, Query, Reads
from mailroom.threads.record import ThreadRecord

UNCERTAIN_MS = 60_000
LOOKED_AT = 200
"""The newest messages of a thread, of those in sight and those hidden each."""

_UNHEARD = {"reply": frozenset({"blocked"}), "any_inbound": frozenset({"blocked", "spam"})}
"""What nobody reads is no answer; but who answers and is taken for spam has answered."""


def begun(o: str, draft: DraftRecord, *, items: ItemStore, now: int) -> Watch:
    after = now - UNCERTAIN_MS
    return Watch(after=after, known=[each["message_id"] for each in _stored_since(o, draft, after, items=items)])


def answer(o: str, draft: DraftRecord, thread: ThreadRecord | None, *, items: ItemStore) -> MessageRecord | None:
    """The message that cancels the draft, if there is one."""
    watch, cancel_on = draft["watch"], draft["cancel_on"]
    if thread is None or thread["updated_at"] < watch["after"]:
        return None
    known = set(watch["known"])
    news = [each for each in _stored_since(o, draft, watch["after"], items=items) if each["message_id"] not in known]
    counted = [each for each in news if "received" in each["labels"] and _UNHEARD[cancel_on].isdisjoint(each["labels"])]
    if cancel_on == "reply":
        counted = [each for each in counted if _is_from_recipient(each, draft)]
    return min(counted, key=lambda each: each["created_at"], default=None)


def _is_from_recipient(message: MessageRecord, draft: DraftRecord) -> bool:
    """A vacation responder has not read the mail."""
    asked = {_plain(each) for each in (*draft.get("to", ()), *draft.get("cc", ()), *draft.get("bcc", ()))}
    return message.get("automatic") is None and _plain(message["from"]) in asked


def _plain(value: str) -> str:
    return strip_plus(bare(value))


def _stored_since(o: str, draft: DraftRecord, after: int, *, items: ItemStore) -> list[MessageRecord]:
    inbox_id, thread_id = draft["inbox_id"], draft["thread_id"]
    partition = keys.index_partition(o, inbox_id, CONVERSATION, thread_id)
    bounds = [keys.index_bounds(v, None, None) for v in (0, 1)]
    queries = tuple(Query("idx", partition, LOOKED_AT, low=low, high=high, descending=True) for low, high in bounds)
    pages = items.fetch(Reads(queries=queries)).pages
    entries = [entry for query in queries for entry in pages[query]]
    wanted = {keys.message_by_digest(o, inbox_id, keys.index_identity(entry["sk"])) for entry in entries}
    found = items.batch_get(list(wanted)) if wanted else {}
    return [cast(MessageRecord, row) for row in found.values() if row["thread_id"] == thread_id and row["created_at"] >= after]
