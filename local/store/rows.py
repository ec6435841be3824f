"""The four tables in SQLite, and the statements on them.

A row is its key, the attributes that indexes and the expiry need as columns of their own, and the encoded item without its key.
Small rows live in the key's own tree, large ones beside it. Statements take many rows at once: each statement gives up the
interpreter lock, which under load costs more than the statement.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from local.store.codec import decode
from mailroom.store.port import Item, Key, Query, Table
from mailroom.store.schema import TABLES, TTL_ATTRIBUTE

ROWS_PER_STATEMENT = 100

Encoded = str | bytes

_COLUMNS: dict[Table, tuple[str, ...]] = {
    table: (*schema.indexes, *((TTL_ATTRIBUTE,) if schema.ttl else ())) for table, schema in TABLES.items()
}
_LAYOUT: dict[Table, str] = {"core": "", "idx": "WITHOUT ROWID", "ev": "", "eph": ""}


class Row(NamedTuple):
    """A stored row, or what is to become one."""

    key: Key
    item: Item
    encoded: Encoded


def create_tables(connection: sqlite3.Connection) -> None:
    for table, columns in _COLUMNS.items():
        declared = "".join(f"{column}, " for column in columns)
        connection.execute(
            f"CREATE TABLE IF NOT EXISTS {table} (pk TEXT NOT NULL, sk TEXT NOT NULL, {declared}item NOT NULL, "
            f"PRIMARY KEY (pk, sk)) {_LAYOUT[table]}"
        )
        for column in columns:
            order = "" if column == TTL_ATTRIBUTE else ", sk, pk"
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS {table}_{column} ON {table} ({column}{order}) WHERE {column} IS NOT NULL"
            )


def load(connection: sqlite3.Connection, keys: Iterable[Key]) -> dict[Key, Row]:
    """The rows of those keys that exist."""
    found: dict[Key, Row] = {}
    for table, group in _by_table(keys):
        for part in _slices(group):
            places = ",".join(["(?,?)"] * len(part))
            statement = (
                f"WITH wanted(p, s) AS (VALUES {places}) SELECT pk, sk, item FROM wanted CROSS JOIN {table} ON pk = p AND sk = s"
            )
            for pk, sk, encoded in connection.execute(statement, _flat(part)).fetchall():
                key = Key(table, pk, sk)
                found[key] = Row(key, _item(pk, sk, encoded), encoded)
    return found


def load_one(connection: sqlite3.Connection, key: Key) -> Item | None:
    row = connection.execute(f"SELECT item FROM {key.table} WHERE pk = ? AND sk = ?", (key.pk, key.sk)).fetchone()
    return None if row is None else _item(key.pk, key.sk, row[0])


def put(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    by_key = {row.key: row for row in rows}
    for table, group in _by_table(by_key):
        columns = _COLUMNS[table]
        names = ", ".join(["pk", "sk", *columns, "item"])
        place = f"({','.join('?' * (len(columns) + 3))})"
        for part in _slices(group):
            values = [value for key in part for value in _values(by_key[key], columns)]
            connection.execute(f"REPLACE INTO {table} ({names}) VALUES {','.join([place] * len(part))}", values)


def delete(connection: sqlite3.Connection, keys: Iterable[Key]) -> None:
    for table, group in _by_table(keys):
        for part in _slices(group):
            condition = " OR ".join(["pk = ? AND sk = ?"] * len(part))
            connection.execute(f"DELETE FROM {table} WHERE {condition}", _flat(part))


def select(connection: sqlite3.Connection, query: Query) -> list[Item]:
    """The page of a query that `checks.answerable` lets through."""
    low, high = _bounds(query)
    statement = [f"SELECT pk, sk{'' if query.index else ', item'} FROM {query.table} WHERE {query.index or 'pk'} = ?"]
    values = [query.pk]
    for bound, operator in ((low, ">="), (high, "<=")):
        if bound is not None:
            statement.append(f"AND sk {operator} ?")
            values.append(bound)
    if query.start is not None:
        statement.append(f"AND (sk, pk) {'<' if query.descending else '>'} (?, ?)")
        values += [query.start[1], query.start[0] if query.index else query.pk]
    order = "DESC" if query.descending else "ASC"
    statement.append(f"ORDER BY sk {order}, pk {order} LIMIT {query.limit}")
    found = connection.execute(" ".join(statement), values).fetchall()
    if query.index:
        return [{"pk": pk, "sk": sk, query.index: query.pk} for pk, sk in found]
    return [_item(*row) for row in found]


def expired(connection: sqlite3.Connection, table: Table, now_s: int, limit: int) -> list[Key]:
    statement = f"SELECT pk, sk FROM {table} WHERE {TTL_ATTRIBUTE} <= ? LIMIT ?"
    return [Key(table, pk, sk) for pk, sk in connection.execute(statement, (now_s, limit)).fetchall()]


def _bounds(query: Query) -> tuple[str | None, str | None]:
    """Bounds that begin at the start, or SQLite would step over all rows before it."""
    low, high = query.low, query.high
    if query.start is None:
        return low, high
    if query.descending:
        return low, query.start[1] if high is None else min(high, query.start[1])
    return query.start[1] if low is None else max(low, query.start[1]), high


def _item(pk: str, sk: str, encoded: Encoded) -> Item:
    item = decode(encoded)
    item["pk"] = pk
    item["sk"] = sk
    return item


def _values(row: Row, columns: tuple[str, ...]) -> Iterator[Any]:
    yield row.key.pk
    yield row.key.sk
    for column in columns:
        value = row.item.get(column)
        # DynamoDB ignores an expiry that is no number.
        yield value if column != TTL_ATTRIBUTE or type(value) is int else None
    yield row.encoded


def _by_table(keys: Iterable[Key]) -> Iterable[tuple[Table, list[Key]]]:
    groups: dict[Table, list[Key]] = {}
    for key in dict.fromkeys(keys):
        groups.setdefault(key.table, []).append(key)
    return groups.items()


def _slices(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    for start in range(0, len(keys), ROWS_PER_STATEMENT):
        yield keys[start : start + ROWS_PER_STATEMENT]


def _flat(keys: Sequence[Key]) -> list[str]:
    return [part for key in keys for part in key[1:]]
