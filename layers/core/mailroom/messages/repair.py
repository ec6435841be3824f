"""Sends whose second half is missing: finished from the provider's notice or by a sweep (design: flows.md, "Mail out")."""

from __future__ import annotations

from mailroom import log
from mailroom.messages import intents
from mailroom.messages.handover import Post, accepted_id, store_accepted
from mailroom.messages.idempotency import LOCK_MS
from mailroom.store import keys
from mailroom.store.port import ConditionFailed, Delete, Equals, Item, Key, Query, Reads, Set

EXPIRES_MS = 24 * 3600 * 1000
PER_SHARD = 100


def note_accepted(intent_id: str, message_id: str, post: Post) -> None:
    """The provider says that it took the mail. A finished or unknown intent needs nothing. Raises what the store raises."""
    noted = Set("provider_message_id", message_id)
    try:
        row = post.items.update(keys.intent(intent_id), [noted], Equals("state", "open"))
    except ConditionFailed:
        return
    store_accepted(intents.from_row(row), message_id, None, post)


def sweep(post: Post) -> int:
    """Finishes what is known to be out and gives up what has not been heard of for a day; returns how many were settled.

    Sends nothing: whether to try again is for whoever holds the key.
    """
    overdue = _overdue(post)
    rows = post.items.batch_get([keys.intent(row["intent_id"]) for row in overdue]) if overdue else {}
    return sum(_settle(row, rows.get(keys.intent(row["intent_id"])), post) for row in overdue)


def _overdue(post: Post) -> list[Item]:
    latest = keys.listing_sort(post.clock() - LOCK_MS, "")
    queries = tuple(Query("idx", keys.open_intents(shard), PER_SHARD, low="0", high=latest) for shard in range(intents.SHARDS))
    pages = post.items.fetch(Reads(queries=queries)).pages
    return [row for query in queries for row in pages.get(query, [])]


def _settle(open_row: Item, row: Item | None, post: Post) -> bool:
    if row is None or row["state"] != "open":
        post.items.write([Delete(Key("idx", open_row["pk"], open_row["sk"]))])
        return True
    intent = intents.from_row(row)
    if (message_id := accepted_id(intent, row.get("provider_message_id"), post)) is not None:
        store_accepted(intent, message_id, None, post)
        return True
    if post.clock() - intent.created_at < EXPIRES_MS:
        return False
    log.logger.warning("send given up", intent_id=intent.intent_id)
    intents.abandon(intent, items=post.items, blobs=post.blobs)
    return True
