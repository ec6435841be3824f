"""Whether everything has happened that happens by itself on one machine."""

from __future__ import annotations

from typing import Any

from local import Stack
from local.feed import Positions, worker_name
from local.filters import sieve
from mailroom.messages.intents import SHARDS
from mailroom.store import keys
from mailroom.store.port import Query


def at_rest(stack: Stack) -> bool:
    waiting = sum(stack.queues.size(queue) for queue in stack.template.queues)
    wanted = {worker_name(worker): sieve(worker.table, worker.filters) for worker in stack.template.stream_workers}
    positions = Positions(stack.database, stack.items.feed, list(wanted))
    unread = any(stack.items.feed.read(positions.get(name), 1, wanted=mine)[0] for name, mine in wanted.items())
    return not unread and waiting == 0 and stack.outbox.next_due() is None and not open_intents(stack)


def open_intents(stack: Stack) -> list[Any]:
    return [row for shard in range(SHARDS) for row in stack.items.query(Query("idx", keys.open_intents(shard), 1))]
