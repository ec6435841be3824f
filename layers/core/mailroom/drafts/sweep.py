"""Scheduled drafts whose timer never fired: found by the hour (design: flows.md, "Drafts with send_at")."""

from __future__ import annotations

from mailroom import log
from mailroom.drafts.timers import QUEUE, Firing
from mailroom.drafts.writing import SHARDS
from mailroom.ports import QueueMessage
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Delete, Item, ItemStore, Key, Query

OVERDUE_MS = 120_000
PAGE = 100
PAGES = 50
"""Of one shard in one run."""


def sweep(runtime: Runtime) -> int:
    """How many were found and put into the queue."""
    return sum(_sweep_shard(shard, runtime) for shard in range(SHARDS))


def _sweep_shard(shard: int, runtime: Runtime) -> int:
    until, start, found = keys.listing_sort(runtime.clock() - OVERDUE_MS, ""), None, 0
    for _ in range(PAGES):
        page = runtime.items.query(Query("idx", keys.due_drafts(shard), PAGE, high=until, start=start))
        found += _fire(page, runtime)
        if len(page) < PAGE:
            break
        start = (page[-1]["pk"], page[-1]["sk"])
    return found


def _fire(page: list[Item], runtime: Runtime) -> int:
    if not page:
        return 0
    overdue = _still_due(page, items=runtime.items)
    if overdue:
        log.logger.warning("timers that never fired", count=len(overdue))
        runtime.queues.send_many(QUEUE, [QueueMessage(firing._asdict()) for firing in overdue])
    return len(overdue)


def _still_due(page: list[Item], *, items: ItemStore) -> list[Firing]:
    """Without those that are being sent, and those whose entry has outlived their draft, which is dropped."""
    by_key = {keys.draft(row["organization_id"], row["inbox_id"], row["draft_id"]): row for row in page}
    drafts = items.batch_get(list(by_key))
    stale = [row for key, row in by_key.items() if drafts.get(key, {}).get("timer") != row["timer"]]
    if stale:
        items.write([Delete(Key("idx", row["pk"], row["sk"])) for row in stale])
    return [Firing.read(row) for key, row in by_key.items() if row not in stale and drafts[key]["send_status"] == "scheduled"]
