"""Scheduled drafts whose timer never fired (design: flows.md, "Drafts with send_at")."""

from __future__ import annotations

from mailroom.drafts.timers import QUEUE, Firing
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore
from mailroom.sweeping import Judged
from mailroom.sweeping import sweep as swept


def sweep(runtime: Runtime) -> int:
    """How many were found and put into the queue."""
    return swept(keys.due_drafts, QUEUE, _judged, found="timers that never fired", runtime=runtime)


def _judged(page: list[Item], items: ItemStore) -> Judged:
    """Those that are being sent are neither due nor outlived."""
    by_key = {keys.draft(row["organization_id"], row["inbox_id"], row["draft_id"]): row for row in page}
    drafts = items.batch_get(list(by_key))
    outlived = [row for key, row in by_key.items() if drafts.get(key, {}).get("timer") != row["timer"]]
    waiting = [key for key, row in by_key.items() if row not in outlived and drafts[key]["send_status"] == "scheduled"]
    return Judged([Firing.read(by_key[key])._asdict() for key in waiting], outlived)
