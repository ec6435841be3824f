"""Scheduled drafts whose timer never fired: found by the hour (design: flows.md, "Drafts with send_at")."""

from __future__ import annotations

from mailroom import log
from mailroom.drafts.timers import QUEUE, Firing
from mailroom.ports import QueueMessage
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.due import overdue
from mailroom.store.port import Delete, Item, ItemStore, Key


def sweep(runtime: Runtime) -> int:
    """How many were found and put into the queue."""
    return sum(_fire(page, runtime) for page in overdue(keys.due_drafts, runtime.clock(), items=runtime.items))


def _fire(page: list[Item], runtime: Runtime) -> int:
    late = _still_due(page, items=runtime.items)
    if late:
        log.logger.warning("timers that never fired", count=len(late))
        runtime.queues.send_many(QUEUE, [QueueMessage(firing._asdict()) for firing in late])
    return len(late)


def _still_due(page: list[Item], *, items: ItemStore) -> list[Firing]:
    """Without those that are being sent, and those whose entry has outlived their draft, which is dropped."""
    by_key = {keys.draft(row["organization_id"], row["inbox_id"], row["draft_id"]): row for row in page}
    drafts = items.batch_get(list(by_key))
    stale = [row for key, row in by_key.items() if drafts.get(key, {}).get("timer") != row["timer"]]
    if stale:
        items.write([Delete(Key("idx", row["pk"], row["sk"])) for row in stale])
    return [Firing.read(row) for key, row in by_key.items() if row not in stale and drafts[key]["send_status"] == "scheduled"]
