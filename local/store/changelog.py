"""The change log: what DynamoDB Streams are on AWS. Written in the transaction of the change, read by position."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from local.store.codec import decode
from local.store.database import reading
from local.store.rows import Encoded, Row
from mailroom.store.port import ChangeRecord, Item, Key, Table
from mailroom.store.schema import TABLES

if TYPE_CHECKING:
    from local.store.database import Database

Logged = tuple[Table, str, str, Encoded | None, Encoded | None]
"""Table, pk, sk, old and new image, as the log keeps them."""
Wanted = Callable[[Table, str, str, Encoded | None, Encoded | None], bool]

_COLUMNS = 5
_ROWS_PER_STATEMENT = 100


def create_table(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS changes "
        "(seq INTEGER PRIMARY KEY, tbl TEXT NOT NULL, pk TEXT NOT NULL, sk TEXT NOT NULL, old, new)"
    )


def append(connection: sqlite3.Connection, changes: Iterable[tuple[Key, Row | None, Row | None]]) -> list[Logged]:
    """Logs the changes of tables that have a stream; those that it logged."""
    logged = [_values(*change) for change in changes if TABLES[change[0].table].stream is not None and change[1] != change[2]]
    for start in range(0, len(logged), _ROWS_PER_STATEMENT):
        part = logged[start : start + _ROWS_PER_STATEMENT]
        places = ",".join([f"({','.join('?' * _COLUMNS)})"] * len(part))
        connection.execute(f"INSERT INTO changes (tbl, pk, sk, old, new) VALUES {places}", [v for row in part for v in row])
    return logged


class SqliteChangeFeed:
    """Positions are decimal sequence numbers; they grow for the life of the file."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: list[tuple[Callable[[], object], Wanted | None]] = []
        self._lock = threading.Lock()

    def read(
        self, position: str | None, limit: int, table: Table | None = None, wanted: Wanted | None = None
    ) -> tuple[list[ChangeRecord], str | None]:
        """Changes behind a position (None: the oldest kept), and the position behind the last of them. Of one table, or only those
        `wanted`: also behind others that follow."""
        where = "seq > ? AND seq <= ?" + (" AND tbl = ?" if table else "")
        statement = f"SELECT seq, tbl, pk, sk, old, new FROM changes WHERE {where} ORDER BY seq LIMIT ?"
        with reading(self._database) as connection:
            (newest,) = connection.execute("SELECT max(seq) FROM changes").fetchone()
            if newest is None:
                return [], position
            while True:
                values = (int(position or 0), newest, *((table,) if table else ()), limit)
                found = connection.execute(statement, values).fetchall()
                more = len(found) == limit
                position = str(found[-1][0] if more else newest)
                records = [_record(*row) for row in found if wanted is None or wanted(*row[1:])]
                if records or not more:
                    return records, position

    def trim(self, before: str) -> int:
        """Forgets changes up to and with a position that every reader has passed; how many. The newest change is kept, because
        the sequence goes on from it."""
        statement = "DELETE FROM changes WHERE seq <= ? AND seq < (SELECT max(seq) FROM changes)"
        return self._database.write(lambda connection: connection.execute(statement, (int(before),)).rowcount)

    def subscribe(self, listener: Callable[[], object], wanted: Wanted | None = None) -> Callable[[], None]:
        """Calls `listener` after each commit that appended (something `wanted`), on the thread that wrote: it must only wake
        somebody (`threading.Event.set`). Returns the function that ends it."""
        entry = (listener, wanted)
        with self._lock:
            self._listeners = [*self._listeners, entry]

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [kept for kept in self._listeners if kept is not entry]

        return unsubscribe

    def notify(self, logged: Sequence[Logged]) -> None:
        for listener, wanted in self._listeners:
            if wanted is None or any(wanted(*change) for change in logged):
                listener()


def _values(key: Key, old: Row | None, new: Row | None) -> Logged:
    with_old = TABLES[key.table].stream == "NEW_AND_OLD_IMAGES"
    return *key, old.encoded if old and with_old else None, new.encoded if new else None


def _record(seq: int, table: str, pk: str, sk: str, old: Encoded | None, new: Encoded | None) -> ChangeRecord:
    key = Key(table, pk, sk)  # type: ignore[arg-type]
    return ChangeRecord(str(seq), key.table, key, _image(key, old), _image(key, new))


def _image(key: Key, encoded: Encoded | None) -> Item | None:
    return None if encoded is None else {**decode(encoded), "pk": key.pk, "sk": key.sk}
