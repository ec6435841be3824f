"""Sends whose second half is missing: finished from the provider's notice or by a sweep (design: flows.md, "Mail out")."""

from __future__ import annotations

from mailroom import log
from mailroom.drafts.claims import GIVEN_BACK_AFTER_MS
from mailroom.messages import intents
from mailroom.messages.handover import Post, accepted_id, give_up, store_accepted
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
    """Finishes what is known to be out, and gives up what has not been heard of for a day (the send of a draft: for five minutes,
    then the draft is given back); returns how many were settled.

    Sends nothing: whether to try again is for whoever holds the key, or for the draft's timer.
    """
    now = post.clock()
    return _settle_all(_open(post, until=keys.listing_sort(now - LOCK_MS, "")), post, now=now)


def recover(post: Post) -> int:
    """At the start of a deployment that is one process, before it serves: every open send was interrupted, and its mailer knows
    for certain what it took. The rest was not sent, and is given up at once, so that its key is free. How many were settled."""
    return _settle_all(_open(post, until=None), post, now=None)


def _settle_all(open_rows: list[Item], post: Post, *, now: int | None) -> int:
    """`now` None: nothing more will be heard of any."""
    rows = post.items.batch_get([keys.intent(row["intent_id"]) for row in open_rows]) if open_rows else {}
    return sum(_settle(row, rows.get(keys.intent(row["intent_id"])), post, now) for row in open_rows)


def _open(post: Post, *, until: str | None) -> list[Item]:
    queries = tuple(Query("idx", keys.open_intents(shard), PER_SHARD, low="0", high=until) for shard in range(intents.SHARDS))
    pages = post.items.fetch(Reads(queries=queries)).pages
    return [row for query in queries for row in pages.get(query, [])]


def _settle(open_row: Item, row: Item | None, post: Post, now: int | None) -> bool:
    if row is None or row["state"] != "open":
        post.items.write([Delete(Key.of("idx", open_row))])
        return True
    intent = intents.from_row(row)
    if (message_id := accepted_id(intent, row.get("provider_message_id"), post)) is not None:
        store_accepted(intent, message_id, None, post)
        return True
    patience = GIVEN_BACK_AFTER_MS if intent.draft is not None else EXPIRES_MS
    if now is not None and intent.created_at > now - patience:
        return False
    log.logger.warning("send given up", intent_id=intent.intent_id)
    # Whoever had taken it over lately ended with the process, too.
    give_up(intent, post, alone=now is None)
    return True
