"""What happens with each page of the log, in order: webhooks hear of its events, then sockets (docs/decisions/0009).

Pages come at least once. Steps for webhooks can be repeated; sockets get a page again only where the process died between pushing
and noting it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping

from mailroom.events.log import STORED_SECONDS, Page
from mailroom.events.render import Contents
from mailroom.runtime import Runtime
from mailroom.sockets.push import push
from mailroom.store import keys
from mailroom.store.port import Absent, AtMost, ItemStore, Set, StoreError, Update, any_of
from mailroom.webhooks.fanout import enqueue

Step = Callable[[Page, Contents, Runtime], None]


def _to_webhooks(page: Page, contents: Contents, runtime: Runtime) -> None:
    enqueue(page, items=runtime.items, queues=runtime.queues, clock=runtime.clock)


def _to_sockets(page: Page, contents: Contents, runtime: Runtime) -> None:
    push(page, contents, items=runtime.items, sockets=runtime.sockets, clock=runtime.clock)


ALWAYS: tuple[Step, ...] = (_to_webhooks,)
"""Repeated with a page that comes again: each must allow it."""
ONCE: tuple[Step, ...] = (_to_sockets,)
"""Left out for pages that were noted as published."""


class Publisher:
    """One batch of pages; remembers how far each organization has come."""

    def __init__(self, organizations: Iterable[str], runtime: Runtime) -> None:
        self._runtime = runtime
        self._before = _published(organizations, items=runtime.items)
        self._done: dict[str, int] = {}

    def publish(self, page: Page) -> None:
        """Raises what the steps raise; the page must come again then, and before any later one of its organization."""
        contents = Contents(items=self._runtime.items, blobs=self._runtime.blobs)
        for step in ALWAYS:
            step(page, contents, self._runtime)
        if page.page > self._before.get(page.organization_id, 0):
            for step in ONCE:
                step(page, contents, self._runtime)
            self._done[page.organization_id] = page.page

    def note(self) -> None:
        """Remembers what was published, also beyond this batch."""
        ttl = self._runtime.clock() // 1000 + STORED_SECONDS
        notes = [
            Update(keys.published(o), (Set("page", page), Set("ttl", ttl)), any_of(Absent(), AtMost("page", page)))
            for o, page in self._done.items()
        ]
        if notes:
            # Raising would make all pages come again, and certainly twice to the sockets.
            with contextlib.suppress(StoreError):
                self._runtime.items.write(notes)


def _published(organizations: Iterable[str], *, items: ItemStore) -> Mapping[str, int]:
    where = {o: keys.published(o) for o in dict.fromkeys(organizations)}
    found = items.batch_get(list(where.values()))
    return {o: found[key]["page"] for o, key in where.items() if key in found}
