"""Feeds the stream workers from the store's change log, as Lambda feeds them from DynamoDB Streams: in order, at least once, each
from a durable position of its own. A batch that fails is tried again until it passes; nothing is skipped."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from local.filters import passes, sieve
from local.queue_runner import failures
from mailroom.aws.stream_records import stream_event
from mailroom.ids import uuid7
from mailroom.store.port import ChangeRecord, StoreBusy

if TYPE_CHECKING:
    from local.invoke import Call
    from local.store.changelog import SqliteChangeFeed
    from local.store.database import Database
    from local.template import StreamWorker
    from mailroom.clock import Clock

TRIM_EVERY = 1000
"""Changes between two trims of the log."""
SAVE_EVERY_S = 1.0
"""Each save is a commit of its own. After a crash the changes since come again, as they may anyway."""

_WAITS_S = (0.1, 0.5, 2.0, 10.0, 30.0)
_IDLE_S = 10.0
"""So often a worker whom nothing concerns steps past the changes that came: the log is trimmed behind the last of them."""
_GATHER_S = 0.05
"""How long upkeep waits for more: each batch costs two commits, however many changes it holds, and what is urgent goes first."""
_BREATH_S = 0.02
"""The same for a worker that does not wait for more, and only where more came while it worked."""

_log = logging.getLogger(__name__)


class Positions:
    """How far each worker has come, and trimming of what all have behind them. Each name is used by one thread."""

    def __init__(self, database: Database, feed: SqliteChangeFeed, names: Sequence[str]) -> None:
        self._database = database
        self._feed = feed
        self._trimmed = 0
        self._saved = database.write(lambda connection: _prepare(connection, names))
        self._current = dict(self._saved)
        self._saved_at = dict.fromkeys(names, -SAVE_EVERY_S)

    def get(self, name: str) -> str | None:
        return self._current[name]

    def set(self, name: str, position: str) -> None:
        self._current[name] = position
        if time.monotonic() - self._saved_at[name] >= SAVE_EVERY_S:
            self.save(name)

    def save(self, name: str) -> None:
        position = self._current[name]
        if position == self._saved[name]:
            return
        self._database.write(
            lambda connection: connection.execute("UPDATE feed_position SET position = ? WHERE name = ?", (position, name))
        )
        self._saved[name], self._saved_at[name] = position, time.monotonic()
        self._trim()

    def _trim(self) -> None:
        passed = min(int(position or 0) for position in self._saved.values())
        if passed - self._trimmed >= TRIM_EVERY:
            self._feed.trim(str(passed))
            self._trimmed = passed


class FeedRunner:
    """One stream worker's thread."""

    def __init__(self, feed: SqliteChangeFeed, worker: StreamWorker, positions: Positions, *, call: Call, clock: Clock) -> None:
        self._feed = feed
        self._worker = worker
        self._positions = positions
        self._call = call
        self._clock = clock
        self._wanted = sieve(worker.table, worker.filters)
        self._bell = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed-{worker.function.name}", daemon=True)

    def start(self) -> None:
        self._unsubscribe = self._feed.subscribe(self._bell.set, self._wanted)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._bell.set()
        self._thread.join()
        self._unsubscribe()
        with contextlib.suppress(StoreBusy):
            self._positions.save(worker_name(self._worker))

    def run_once(self) -> bool | None:
        """One batch: True if it passed, False if (some of) it must come again, None if there was nothing."""
        name = worker_name(self._worker)
        position = self._positions.get(name)
        records, behind = self._feed.read(position, self._worker.batch_size, self._worker.table, self._wanted)
        mine = [record for record in records if passes(record, self._worker.filters)]
        failed_from = self._deliver(mine) if mine else None
        if failed_from is None:
            if behind is not None and behind != position:
                self._positions.set(name, behind)
            return True if records else None
        before = [record.sequence for record in records if int(record.sequence) < int(failed_from)]
        if before:
            self._positions.set(name, before[-1])
        return False

    def _run(self) -> None:
        attempts = 0
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                passed = self.run_once()
            except StoreBusy:
                _log.exception("change log unavailable")
                passed = False
            attempts = attempts + 1 if passed is False else 0
            if passed is False:
                self._stopping.wait(_WAITS_S[min(attempts, len(_WAITS_S)) - 1])
            elif passed and self._worker.at_once:
                self._stopping.wait(_BREATH_S if self._bell.is_set() else 0)
            else:
                if not passed:
                    self._sleep()
                if not self._worker.at_once:
                    self._stopping.wait(_GATHER_S)

    def _sleep(self) -> None:
        if not self._stopping.is_set() and not self._bell.wait(SAVE_EVERY_S):
            self._rest()

    def _rest(self) -> None:
        """Until something happens; what was done before is not done again after a crash meanwhile."""
        with contextlib.suppress(StoreBusy):
            self._positions.save(worker_name(self._worker))
        self._bell.wait(_IDLE_S)

    def _deliver(self, records: Sequence[ChangeRecord]) -> str | None:
        """The sequence from which on changes must come again."""
        everything = {record.sequence for record in records}
        try:
            answer = self._call(self._worker.function, stream_event(records), uuid7(self._clock()))
        except Exception:  # noqa: BLE001 - whatever a handler raises, its batch comes again
            _log.exception("stream handler failed", extra={"function": self._worker.function.name})
            return records[0].sequence
        failed = failures(answer, everything) if self._worker.partial else set()
        return min(failed, key=int) if failed else None


def worker_name(worker: StreamWorker) -> str:
    return f"{worker.function.name}.{worker.table}"


def _prepare(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, str | None]:
    """The positions of a file that may be new, or older than one of the workers."""
    connection.execute("CREATE TABLE IF NOT EXISTS feed_position (name TEXT PRIMARY KEY, position TEXT)")
    connection.executemany("INSERT OR IGNORE INTO feed_position (name, position) VALUES (?, NULL)", [(name,) for name in names])
    saved = dict(connection.execute("SELECT name, position FROM feed_position"))
    return {name: saved[name] for name in names}
