"""The hourly search for what a timer never brought: it is found among the due entries, and put into the queue as the timer would
have done (docs/decisions/0013)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from mailroom import log
from mailroom.ports import QueueMessage
from mailroom.runtime import Runtime
from mailroom.store.due import overdue
from mailroom.store.port import Delete, Item, ItemStore, Key


class Judged(NamedTuple):
    """What a page of due entries, read together with what they stand for, turns out to be."""

    due: Sequence[Mapping[str, Any]]
    """The timers' messages."""
    outlived: Sequence[Item]
    """Entries whose time was taken back, or whose owner is gone."""


Judge = Callable[[list[Item], ItemStore], Judged]


def sweep(partition: Callable[[int], str], queue: str, judge: Judge, *, found: str, runtime: Runtime) -> int:
    """How many were put into the queue; `found` is what the log says of them. Entries that were outlived are dropped."""
    return sum(_swept(page, queue, judge, found, runtime) for page in overdue(partition, runtime.clock(), items=runtime.items))


def _swept(page: list[Item], queue: str, judge: Judge, found: str, runtime: Runtime) -> int:
    due, outlived = judge(page, runtime.items)
    if outlived:
        runtime.items.write([Delete(Key.of("idx", row)) for row in outlived])
    if due:
        log.logger.warning(found, count=len(due))
        runtime.queues.send_many(queue, [QueueMessage(message) for message in due])
    return len(due)
