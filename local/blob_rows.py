"""Small blobs as rows of the database: they share its group commit, where a file of its own costs several waits for the disk."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable

from local.store.database import Database, reading
from mailroom.ports import BlobMissing


class BlobRows:
    """Keys are kept as bytes, so that any text is a key and byte order bounds a prefix."""

    def __init__(self, database: Database) -> None:
        self._database = database
        database.write(_prepare)

    def put_within(self, connection: sqlite3.Connection, key: str, data: bytes) -> None:
        """In somebody's transaction."""
        statement = "INSERT OR REPLACE INTO small_blob (key, data, at) VALUES (?, ?, ?)"
        connection.execute(statement, (_bytes(key), data, int(time.time())))

    def drop_within(self, connection: sqlite3.Connection, keys: Iterable[str]) -> None:
        connection.executemany("DELETE FROM small_blob WHERE key = ?", [(_bytes(key),) for key in keys])

    def get(self, key: str) -> bytes:
        """Raises BlobMissing."""
        with reading(self._database) as connection:
            row = connection.execute("SELECT data FROM small_blob WHERE key = ?", (_bytes(key),)).fetchone()
        if row is None:
            raise BlobMissing(key)
        return bytes(row[0])

    def copy(self, source: str, target: str) -> bool:
        """False where there is no such row."""
        statement = "INSERT OR REPLACE INTO small_blob (key, data, at) SELECT ?, data, ? FROM small_blob WHERE key = ?"
        values = (_bytes(target), int(time.time()), _bytes(source))
        return self._database.write(lambda connection: connection.execute(statement, values).rowcount) > 0

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        self._database.write(lambda connection: self.drop_within(connection, doomed))

    def delete_prefix(self, prefix: str, *, older_than_s: int | None = None) -> int:
        """All of them, or those written so long ago; how many."""
        start = _bytes(prefix)
        limit = 2**62 if older_than_s is None else int(time.time()) - older_than_s
        # No UTF-8 text holds the byte 0xFF.
        values = (start, start + b"\xff", limit)
        statement = "DELETE FROM small_blob WHERE key >= ? AND key < ? AND at < ?"
        return self._database.write(lambda connection: connection.execute(statement, values).rowcount)


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS small_blob (key BLOB NOT NULL UNIQUE, data BLOB NOT NULL, at INTEGER NOT NULL)")
