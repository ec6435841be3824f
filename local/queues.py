"""Durable queues in the embedded database: delays, growing waits after failures, dead letters (design: architecture.md).

There is one process per data folder, so a message that is being worked on is simply marked taken; the mark is lifted at start-up.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from local.queue_counts import put_back
from local.store.database import reading
from mailroom.clock import Clock, now_ms

if TYPE_CHECKING:
    from local.store.database import Database
    from local.template import Queue
    from mailroom.ports import QueueMessage

FIRST_WAIT_MS = 1000
MAX_WAIT_MS = 300_000
MAX_DELAY_S = 900

_IDLE_S = 30.0
_LOOK_S = 1.0
"""Between looks at the clock while something waits for its time: a clock set forward, or a machine that slept, rings no bell."""

_TABLE = """
CREATE TABLE IF NOT EXISTS queue_message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    due INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL,
    source TEXT,
    share TEXT NOT NULL DEFAULT ''
)"""
_ADD_SHARE = "ALTER TABLE queue_message ADD COLUMN share TEXT NOT NULL DEFAULT ''"
"""For data of a version that knew no groups."""
# A taken message has a negative `due`, which keeps it out of this index's range for what is due.
_INDEX = "CREATE INDEX IF NOT EXISTS queue_message_order ON queue_message (queue, due, seq, share)"
_TAKEN = -1


@dataclass(frozen=True, slots=True)
class Received:
    seq: int
    message_id: str
    body: str
    receives: int
    sent: int
    group: str = ""


class Bell:
    """Who listens from a mark on misses no ring after it, however many listen and whatever they do in between."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._rings = 0

    def ring(self) -> None:
        with self._condition:
            self._rings += 1
            self._condition.notify_all()

    def mark(self) -> int:
        return self._rings

    def listen(self, mark: int, seconds: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self._rings != mark, seconds)


class SqliteQueues:
    """Implements `ports.Queues` over the queues that the template declares."""

    def __init__(self, database: Database, queues: Mapping[str, Queue], *, clock: Clock = now_ms) -> None:
        self._database = database
        self._queues = queues
        self._clock = clock
        self._bells = {name: Bell() for name in queues}
        database.write(_prepare)

    def send(self, queue: str, body: Mapping[str, Any], *, delay_s: int = 0, group: str | None = None) -> None:
        """Raises KeyError for a queue the template does not have."""
        text = _dump(body)
        self._database.write(lambda connection: self._insert(connection, queue, text, delay_s, group))
        self.ring(queue)

    def send_many(self, queue: str, messages: Sequence[QueueMessage]) -> None:
        """All or none. Raises KeyError for a queue the template does not have."""

        def work(connection: sqlite3.Connection) -> None:
            for message in messages:
                self._insert(connection, queue, _dump(message.body), 0, message.group)

        self._database.write(work)
        self.ring(queue)

    def enqueue(self, connection: sqlite3.Connection, queue: str, body: Mapping[str, Any], *, delay_s: int = 0) -> None:
        """Sends inside a transaction of the same database; who commits it calls `ring` afterwards."""
        self._insert(connection, queue, _dump(body), delay_s)

    def enqueue_timer(self, connection: sqlite3.Connection, queue: str, body: Mapping[str, Any], *, name: str, due: int) -> None:
        """The same for a message that is due at a time, in milliseconds, however far ahead, and is known by its name."""
        self._insert_due(connection, queue, _dump(body), due, message_id=name)

    def ring(self, queue: str) -> None:
        """Wakes the workers of that queue."""
        self._bells[queue].ring()

    def receive(self, queue: str, limit: int) -> list[Received]:
        """Takes what is due; what was received too often goes to the dead letters instead."""
        now = self._clock()
        if self._due_in(queue, now) != 0:
            return []
        return self._database.write(lambda connection: self._take(connection, queue, limit, now))

    def settle(self, queue: str, done: Iterable[Received], failed: Iterable[Received]) -> None:
        """Deletes the done ones; the failed ones come again, each time after a longer wait."""
        finished = [(message.seq,) for message in done]
        again = [(self._next_due(queue, message), message.seq) for message in failed]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM queue_message WHERE seq = ?", finished)
            connection.executemany("UPDATE queue_message SET due = ? WHERE seq = ?", again)

        self._database.write(work)
        if again:
            self.ring(queue)

    def redrive(self, queue: str) -> int:
        """Puts a queue's dead letters back into it, as new. Raises KeyError if it has none."""
        dead = self._queues[queue].dead_letter
        if dead is None:
            raise KeyError(queue)
        count = self._database.write(lambda connection: put_back(connection, queue, dead))
        self.ring(queue)
        return count

    def size(self, queue: str) -> int:
        """Messages waiting, delayed or being worked on."""
        with reading(self._database) as connection:
            row = connection.execute("SELECT COUNT(*) FROM queue_message WHERE queue = ?", (queue,)).fetchone()
        return int(row[0])

    def wait(self, queue: str) -> None:
        """Until there may be something to receive."""
        mark = self.mark(queue)
        ahead = self._due_in(queue, self._clock())
        if ahead != 0:
            self.listen(queue, mark, ahead)

    def mark(self, queue: str) -> int:
        """What rings from now on ends a `listen` with this mark."""
        return self._bells[queue].mark()

    def listen(self, queue: str, mark: int, ahead: int | None) -> None:
        """`ahead`: milliseconds until the next message is due; None if there is none."""
        self._bells[queue].listen(mark, _IDLE_S if ahead is None else min(ahead / 1000, _LOOK_S))

    def _insert(self, connection: sqlite3.Connection, queue: str, text: str, delay_s: int, group: str | None = None) -> None:
        # What is due at once is due whatever becomes of the clock.
        due = self._clock() + min(delay_s, MAX_DELAY_S) * 1000 if delay_s > 0 else 0
        self._insert_due(connection, queue, text, due, message_id=str(uuid.uuid4()), group=group)

    def _insert_due(
        self, connection: sqlite3.Connection, queue: str, text: str, due: int, *, message_id: str, group: str | None = None
    ) -> None:
        if queue not in self._queues:
            raise KeyError(queue)
        connection.execute(
            "INSERT INTO queue_message (queue, message_id, body, due, sent, share) VALUES (?, ?, ?, ?, ?, ?)",
            (queue, message_id, text, due, self._clock(), group or ""),
        )

    def _due_in(self, queue: str, now: int) -> int | None:
        """Milliseconds until the next message is due; None if there is none."""
        statement = "SELECT due FROM queue_message WHERE queue = ? AND due >= 0 ORDER BY due LIMIT 1"
        with reading(self._database) as connection:
            row = connection.execute(statement, (queue,)).fetchone()
        return None if row is None else max(0, int(row[0]) - now)

    def _take(self, connection: sqlite3.Connection, queue: str, limit: int, now: int) -> list[Received]:
        self.bury(connection, queue, now)
        rows = connection.execute(
            "SELECT seq FROM queue_message WHERE queue = ? AND due BETWEEN 0 AND ? ORDER BY due, seq LIMIT ?", (queue, now, limit)
        )
        return take(connection, [row[0] for row in rows])

    def bury(self, connection: sqlite3.Connection, queue: str, now: int) -> None:
        """What was received too often goes to the dead letters."""
        spec = self._queues[queue]
        if spec.dead_letter is not None:
            connection.execute(
                "UPDATE queue_message SET queue = ?, due = 0, source = ? WHERE queue = ? AND due BETWEEN 0 AND ? AND receives >= ?",
                (spec.dead_letter, queue, queue, now, spec.max_receives),
            )

    def _next_due(self, queue: str, message: Received) -> int:
        spec = self._queues[queue]
        if spec.dead_letter is not None and message.receives >= spec.max_receives:
            return 0
        return self._clock() + min(FIRST_WAIT_MS << min(message.receives - 1, 20), MAX_WAIT_MS)


def take(connection: sqlite3.Connection, rows: Sequence[int]) -> list[Received]:
    """Marks these messages as being worked on."""
    connection.executemany(
        "UPDATE queue_message SET due = ?, receives = receives + 1 WHERE seq = ?", [(_TAKEN, seq) for seq in rows]
    )
    statement = "SELECT seq, message_id, body, receives, sent, share FROM queue_message WHERE seq = ?"
    return [Received(*connection.execute(statement, (seq,)).fetchone()) for seq in rows]


def _dump(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute(_TABLE)
    if "share" not in {row[1] for row in connection.execute("PRAGMA table_info(queue_message)")}:
        connection.execute(_ADD_SHARE)
    connection.execute(_INDEX)
    connection.execute("UPDATE queue_message SET due = 0 WHERE due < 0")
