"""The durable record of outgoing mail: one row per mail, one per recipient with its state.

accepted, deferred -> delivered: the relay (or an inbox here, or the capture folder) took it;
accepted, deferred -> deferred: the relay puts it off; accepted, deferred -> bounced: refused for good, or given up after days;
delivered -> bounced: a report came back.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from local.store.database import reading

if TYPE_CHECKING:
    from local.store.database import Database

State = Literal["accepted", "deferred", "delivered", "bounced"]

OPEN: tuple[State, ...] = ("accepted", "deferred")

_TABLES = (
    """
    CREATE TABLE IF NOT EXISTS outbox_mail (
        intent_id TEXT PRIMARY KEY,
        message_id TEXT NOT NULL,
        organization_id TEXT NOT NULL,
        return_path TEXT NOT NULL,
        blob TEXT NOT NULL,
        accepted_at INTEGER NOT NULL,
        bounces_to TEXT NOT NULL DEFAULT ''
    )""",
    """
    CREATE TABLE IF NOT EXISTS outbox_recipient (
        intent_id TEXT NOT NULL,
        recipient TEXT NOT NULL,
        state TEXT NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        due INTEGER NOT NULL DEFAULT 0,
        reply TEXT NOT NULL DEFAULT '',
        changed_at INTEGER NOT NULL,
        PRIMARY KEY (intent_id, recipient)
    )""",
    "CREATE INDEX IF NOT EXISTS outbox_message_id ON outbox_mail (message_id)",
    "CREATE INDEX IF NOT EXISTS outbox_open ON outbox_recipient (due) WHERE state IN ('accepted', 'deferred')",
)


@dataclass(frozen=True, slots=True)
class Mail:
    intent_id: str
    message_id: str
    organization_id: str
    return_path: str
    """The inbox that sends."""
    blob: str
    accepted_at: int
    bounces_to: str = ""
    """Return path on the way out, where it is not the inbox itself."""

    @property
    def envelope_sender(self) -> str:
        return self.bounces_to or self.return_path


@dataclass(frozen=True, slots=True)
class Recipient:
    """`reply` is the answer that led to the state, as in `550 5.1.1 No such user`."""

    intent_id: str
    recipient: str
    state: State
    attempts: int
    due: int
    reply: str
    changed_at: int


class Outbox:
    def __init__(self, database: Database) -> None:
        self._database = database
        database.write(_prepare)

    def find(self, intent_id: str) -> Mail | None:
        rows = self._select("SELECT * FROM outbox_mail WHERE intent_id = ?", intent_id)
        return Mail(*rows[0]) if rows else None

    def recipients(self, intent_id: str) -> list[Recipient]:
        rows = self._select("SELECT * FROM outbox_recipient WHERE intent_id = ? ORDER BY recipient", intent_id)
        return [Recipient(*row) for row in rows]

    def next_due(self) -> int | None:
        """When the next attempt is due, in milliseconds."""
        row = self._select("SELECT MIN(due) FROM outbox_recipient WHERE state IN ('accepted', 'deferred')")[0]
        return None if row[0] is None else int(row[0])

    def due(self, now_ms: int) -> tuple[Mail, list[Recipient]] | None:
        """One mail and its recipients that are to be tried now."""
        rows = self._select(
            "SELECT intent_id FROM outbox_recipient WHERE state IN ('accepted', 'deferred') AND due <= ? ORDER BY due LIMIT 1",
            now_ms,
        )
        mail = self.find(rows[0][0]) if rows else None
        if mail is None:
            return None
        return mail, [each for each in self.open(mail.intent_id) if each.due <= now_ms]

    def open(self, intent_id: str) -> list[Recipient]:
        """The recipients whose delivery is not decided."""
        return [each for each in self.recipients(intent_id) if each.state in OPEN]

    def record(self, changes: Sequence[Recipient], along: Callable[[sqlite3.Connection], object]) -> bool:
        """Stores new states, and does `along` in the same transaction; True if that was the last open recipient of the mail."""

        def work(connection: sqlite3.Connection) -> bool:
            along(connection)
            return _record(connection, changes)

        return self._database.write(work)

    def _select(self, statement: str, *values: str | int) -> list[Any]:
        with reading(self._database) as connection:
            return connection.execute(statement, values).fetchall()


def insert(connection: sqlite3.Connection, mail: Mail, recipients: Iterable[Recipient]) -> bool:
    """False, and nothing stored, if the intent is there already."""
    cursor = connection.execute("INSERT OR IGNORE INTO outbox_mail VALUES (?, ?, ?, ?, ?, ?, ?)", dataclasses.astuple(mail))
    if cursor.rowcount == 0:
        return False
    connection.executemany("INSERT INTO outbox_recipient VALUES (?, ?, ?, ?, ?, ?, ?)", [_row(each) for each in recipients])
    return True


def sent_as(connection: sqlite3.Connection, names: Iterable[str]) -> tuple[Mail, list[Recipient]] | None:
    """The mail with one of these Message-IDs or intent ids, and its recipients."""
    for name in names:
        row = connection.execute("SELECT * FROM outbox_mail WHERE message_id = ? OR intent_id = ?", (name, name)).fetchone()
        if row is not None:
            found = connection.execute("SELECT * FROM outbox_recipient WHERE intent_id = ?", (row[0],)).fetchall()
            return Mail(*row), [Recipient(*each) for each in found]
    return None


def note_bounce(connection: sqlite3.Connection, intent_id: str, recipient: str, reply: str, now_ms: int) -> None:
    connection.execute(
        "UPDATE outbox_recipient SET state = 'bounced', reply = ?, changed_at = ? WHERE intent_id = ? AND recipient = ?",
        (reply, now_ms, intent_id, recipient),
    )


def _record(connection: sqlite3.Connection, changes: Sequence[Recipient]) -> bool:
    if not changes:
        return False
    connection.executemany("INSERT OR REPLACE INTO outbox_recipient VALUES (?, ?, ?, ?, ?, ?, ?)", [_row(each) for each in changes])
    left = connection.execute(
        "SELECT COUNT(*) FROM outbox_recipient WHERE intent_id = ? AND state IN ('accepted', 'deferred')", (changes[0].intent_id,)
    )
    return int(left.fetchone()[0]) == 0


def _row(each: Recipient) -> tuple[str | int, ...]:
    return (each.intent_id, each.recipient, each.state, each.attempts, each.due, each.reply, each.changed_at)


def _prepare(connection: sqlite3.Connection) -> None:
    for statement in _TABLES:
        connection.execute(statement)
    if not connection.execute("SELECT 1 FROM pragma_table_info('outbox_mail') WHERE name = 'bounces_to'").fetchone():
        # Data from before custom domains.
        connection.execute("ALTER TABLE outbox_mail ADD COLUMN bounces_to TEXT NOT NULL DEFAULT ''")
