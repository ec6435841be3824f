"""Timers as rows of the durable queues: a message with the time at which it is due (docs/decisions/0013)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from local.queues import SqliteQueues
    from local.store.database import Database


class SqliteTimers:
    """Implements `ports.Timers`: to the millisecond, over restarts. One that was due meanwhile fires at once after the start."""

    def __init__(self, database: Database, queues: SqliteQueues) -> None:
        self._database = database
        self._queues = queues

    def set(self, queue: str, name: str, at_ms: int, body: Mapping[str, Any]) -> None:
        """Set twice it is one timer, with the last body. Raises KeyError for a queue the template does not have, StoreBusy."""

        def work(connection: sqlite3.Connection) -> None:
            _withdraw(connection, queue, name, at_ms)
            self._queues.enqueue_timer(connection, queue, body, name=name, due=at_ms)

        self._database.write(work)
        # Also where it is hours ahead: whoever sleeps until a later one must know.
        self._queues.ring(queue)

    def cancel(self, queue: str, name: str, at_ms: int) -> None:
        """One that is being worked on, or has failed before, is not found. Raises StoreBusy."""
        self._database.write(lambda connection: _withdraw(connection, queue, name, at_ms))


def _withdraw(connection: sqlite3.Connection, queue: str, name: str, at_ms: int) -> None:
    connection.execute("DELETE FROM queue_message WHERE queue = ? AND due = ? AND message_id = ?", (queue, at_ms, name))
