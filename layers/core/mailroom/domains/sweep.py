"""Checks of domains that no timer brought: found by the hour (docs/decisions/0013)."""

from __future__ import annotations

from mailroom import log
from mailroom.domains.requests import QUEUE
from mailroom.domains.schedule import Firing
from mailroom.ports import QueueMessage
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.due import overdue
from mailroom.store.port import Delete, Item, ItemStore, Key


def sweep(runtime: Runtime) -> int:
    """How many were found and put into the queue."""
    return sum(_fire(page, runtime) for page in overdue(keys.due_checks, runtime.clock(), items=runtime.items))


def _fire(page: list[Item], runtime: Runtime) -> int:
    late = _still_due(page, items=runtime.items)
    if late:
        log.logger.warning("checks that no timer brought", count=len(late))
        runtime.queues.send_many(QUEUE, [QueueMessage(firing._asdict()) for firing in late])
    return len(late)


def _still_due(page: list[Item], *, items: ItemStore) -> list[Firing]:
    """Without those whose entry has outlived their domain, which is dropped."""
    firings = [Firing.read(row) for row in page]
    wanted = [keys.domain(firing.organization_id, firing.domain) for firing in firings]
    rows = items.batch_get(list(dict.fromkeys(wanted)))
    due = [rows.get(key, {}).get("next_check_at") == firing.timer for key, firing in zip(wanted, firings, strict=True)]
    stale = [Delete(Key("idx", row["pk"], row["sk"])) for row, is_due in zip(page, due, strict=True) if not is_due]
    if stale:
        items.write(stale)
    return [firing for firing, is_due in zip(firings, due, strict=True) if is_due]
