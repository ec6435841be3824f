"""A queue whose workers are shared among the groups of its messages, as SQS does for fair queues: a group that keeps its workers
waiting, a dead webhook for instance, leaves the others theirs."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from local.queue_runner import QueueRunner
from local.queues import Received, SqliteQueues, take
from local.store.database import reading
from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from local.invoke import Call
    from local.store.database import Database
    from local.template import QueueWorker
    from mailroom.clock import Clock

MOST_WORKERS = 32

_AFTER_ERROR_S = 1.0

_log = logging.getLogger(__name__)


def fair_share(free: int) -> int:
    """How many workers a group may hold while so many are free: a quarter of them, and always one. However many of some groups
    hang, what is left goes to the others."""
    return max(1, free // 4)


class FairRunner:
    """One thread chooses messages, a pool works on them; the pool's threads start as they are needed."""

    def __init__(self, queues: SqliteQueues, database: Database, worker: QueueWorker, *, call: Call, clock: Clock) -> None:
        self._queues = queues
        self._database = database
        self._queue = worker.queue
        self._runner = QueueRunner(queues, worker, call=call, threads=0)
        self._clock = clock
        self._workers = min(worker.concurrency or 1, MOST_WORKERS)
        self._pool = ThreadPoolExecutor(self._workers, thread_name_prefix=f"queue-{worker.queue}")
        self._held: Counter[str] = Counter()
        self._gate = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"queue-{worker.queue}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets the messages in work finish."""
        self._stopping.set()
        self._queues.ring(self._queue)
        self._thread.join()
        self._pool.shutdown()

    def run_once(self) -> int:
        """Gives what is due to free workers; how many messages that was."""
        with self._gate:
            held = dict(self._held)
        free = self._workers - sum(held.values())
        messages = self._receive(free, held) if free else []
        with self._gate:
            self._held.update(message.group for message in messages)
        for message in messages:
            self._pool.submit(self._work, message)
        return len(messages)

    def _run(self) -> None:
        while not self._stopping.is_set():
            mark = self._queues.mark(self._queue)
            try:
                if not self.run_once() and not self._stopping.is_set():
                    self._queues.listen(self._queue, mark, self._ahead())
            except StoreBusy:
                _log.exception("queue store unavailable", extra={"queue": self._queue})
                self._stopping.wait(_AFTER_ERROR_S)

    def _work(self, message: Received) -> None:
        try:
            self._runner.work([message])
        finally:
            with self._gate:
                self._held[message.group] -= 1
                self._held += Counter()
            self._queues.ring(self._queue)

    def _receive(self, free: int, held: Mapping[str, int]) -> list[Received]:
        now = self._clock()
        with reading(self._database) as connection:
            if not _chosen(connection, self._queue, free, held, now):
                return []

        def work(connection: sqlite3.Connection) -> list[Received]:
            self._queues.bury(connection, self._queue, now)
            return take(connection, _chosen(connection, self._queue, free, held, now))

        return self._database.write(work)

    def _ahead(self) -> int | None:
        """Milliseconds until a message becomes due; the bell tells of new ones, and of workers that have become free."""
        now = self._clock()
        statement = "SELECT due FROM queue_message WHERE queue = ? AND due > ? ORDER BY due LIMIT 1"
        with reading(self._database) as connection:
            row = connection.execute(statement, (self._queue, now)).fetchone()
        return None if row is None else int(row[0]) - now


def _share(group: str, free: int) -> int:
    """Messages without a group hold up nobody but each other."""
    return fair_share(free) if group else MOST_WORKERS


def _chosen(connection: sqlite3.Connection, queue: str, free: int, held: Mapping[str, int], now: int) -> list[int]:
    """The oldest messages that are due, of each group as many as its share allows."""
    counts, chosen = Counter(held), list[int]()
    full = {group for group, count in counts.items() if count >= _share(group, free)}
    more = True
    while more:
        more = False
        for seq, group in _oldest(connection, queue, free - len(chosen), now, full, chosen):
            if counts[group] < _share(group, free - len(chosen)):
                chosen.append(seq)
                counts[group] += 1
            else:
                full.add(group)
                more = True
    return chosen


def _oldest(
    connection: sqlite3.Connection, queue: str, limit: int, now: int, besides: set[str], chosen: Sequence[int]
) -> list[tuple[int, str]]:
    groups, rows = ",".join("?" * len(besides)), ",".join("?" * len(chosen))
    return connection.execute(
        "SELECT seq, share FROM queue_message WHERE queue = ? AND due BETWEEN 0 AND ?"
        f" AND share NOT IN ({groups}) AND seq NOT IN ({rows}) ORDER BY due, seq LIMIT ?",
        (queue, now, *besides, *chosen, limit),
    ).fetchall()
