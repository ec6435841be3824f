"""What lies in a queue, for whoever looks from outside: the operator's command works beside the running process, so it must not
open `SqliteQueues`, whose start lifts the marks of what is being worked on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from local.store.database import reading

if TYPE_CHECKING:
    import sqlite3

    from local.store.database import Database


class QueueCounts(NamedTuple):
    due: int
    working: int
    later: int
    """Timers, and what waits for another try."""
    oldest: int | None
    """When the oldest of those that are due was sent, in milliseconds."""
    next_due: int | None
    """When the first of the later ones is due."""


def count(database: Database, queue: str, now: int) -> QueueCounts:
    """Raises StoreBusy."""
    statement = (
        "SELECT COALESCE(SUM(due BETWEEN 0 AND :now), 0), COALESCE(SUM(due < 0), 0), COALESCE(SUM(due > :now), 0), "
        "MIN(CASE WHEN due BETWEEN 0 AND :now THEN sent END), MIN(CASE WHEN due > :now THEN due END) "
        "FROM queue_message WHERE queue = :queue"
    )
    with reading(database) as connection:
        return QueueCounts(*connection.execute(statement, {"queue": queue, "now": now}).fetchone())


def put_back(connection: sqlite3.Connection, queue: str, dead_letter: str) -> int:
    """Moves a queue's dead letters back into it, as new; how many."""
    statement = "UPDATE queue_message SET queue = ?, due = 0, receives = 0, source = NULL WHERE queue = ? AND due >= 0"
    return connection.execute(statement, (queue, dead_letter)).rowcount
