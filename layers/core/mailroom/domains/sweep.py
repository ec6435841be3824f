"""Checks of domains that no timer brought."""

from __future__ import annotations

from mailroom.domains.requests import QUEUE
from mailroom.domains.schedule import Firing
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore
from mailroom.sweeping import Judged
from mailroom.sweeping import sweep as swept


def sweep(runtime: Runtime) -> int:
    """How many were found and put into the queue."""
    return swept(keys.due_checks, QUEUE, _judged, found="checks that no timer brought", runtime=runtime)


def _judged(page: list[Item], items: ItemStore) -> Judged:
    firings = [Firing.read(row) for row in page]
    wanted = [keys.domain(firing.organization_id, firing.domain) for firing in firings]
    rows = items.batch_get(list(dict.fromkeys(wanted)))
    due = [rows.get(key, {}).get("next_check_at") == firing.timer for key, firing in zip(wanted, firings, strict=True)]
    return Judged(
        [firing._asdict() for firing, is_due in zip(firings, due, strict=True) if is_due],
        [row for row, is_due in zip(page, due, strict=True) if not is_due],
    )
