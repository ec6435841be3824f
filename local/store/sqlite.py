"""The item store of one machine, in SQLite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from local.store import changelog, rows
from local.store.changelog import Logged, SqliteChangeFeed
from local.store.database import reading
from local.store.transaction import Transition, judge, prepare, store
from mailroom.store import meter
from mailroom.store.checks import answerable, check_action, check_transaction, possible
from mailroom.store.port import (
    Action,
    Change,
    Condition,
    ConditionFailed,
    Delete,
    Fetched,
    Item,
    Key,
    Put,
    Query,
    Reads,
    Table,
    TransactionCancelled,
    Update,
)
from mailroom.store.schema import TABLES
from mailroom.store.sizes import item_size

if TYPE_CHECKING:
    import sqlite3

    from local.store.database import Database

SWEEP_BATCH = 200
_WRITE_BATCH = 500

_Single = Put | Update | Delete


class SqliteItemStore:
    """An `ItemStore`. Several stores on one Database are the same store, each with its own listeners on its feed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.feed = SqliteChangeFeed(database)
        database.write(_create)

    def get(self, key: Key) -> Item | None:
        with reading(self._database) as connection:
            item = rows.load_one(connection, key) if possible(key) else None
        meter.count_read("get", lambda: meter.get_units([_size(item)]))
        return item

    def batch_get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found = self._load(keys)
        meter.count_read("batch_get", lambda: _get_units(keys, found), trips=meter.batch_trips(len(set(keys))))
        return found

    def query(self, query: Query) -> list[Item]:
        page = self._select(query)
        meter.count_read("query", lambda: _query_units(query, page))
        return page

    def fetch(self, reads: Reads) -> Fetched:
        fetched = Fetched(self._load(reads.keys), {query: self._select(query) for query in reads.queries})
        meter.count_read("fetch", lambda: _fetch_units(reads, fetched))
        return fetched

    def put(self, key: Key, item: Item, condition: Condition | None = None) -> None:
        self._single("put", Put(key, item, condition))

    def update(self, key: Key, changes: Sequence[Change], condition: Condition | None = None) -> Item:
        new = self._single("update", Update(key, tuple(changes), condition)).new
        return {} if new is None else new.item

    def delete(self, key: Key, condition: Condition | None = None) -> Item | None:
        old = self._single("delete", Delete(key, condition)).old
        return None if old is None else old.item

    def write(self, actions: Sequence[Put | Update | Delete]) -> list[bool]:
        for action in actions:
            check_action(action)
        done: list[Transition] = []
        for part in _distinct(actions):
            done += self._run(part, atomic=False, keep_old=meter.wants_units())
        meter.count_write("write", lambda: sum(map(_write_units, done)), trips=meter.batch_trips(len(actions)))
        return [transition.held for transition in done]

    def transact(self, actions: Sequence[Action]) -> None:
        check_transaction(actions)
        done = self._run(actions, atomic=True, keep_old=meter.wants_units())
        meter.count_write("transact", lambda: sum(_write_units(transition, transaction=True) for transition in done))
        failures = {position: transition for position, transition in enumerate(done) if not transition.held}
        if failures:
            raise TransactionCancelled({position: _item(failed.old) for position, failed in failures.items()})

    def sweep_expired(self, now_ms: int) -> int:
        """Deletes rows whose `ttl` has passed; how many. Until then they are readable, as in DynamoDB. Those of `core` enter the
        change log, those of `ev` do not: nobody acts on the end of an event's keeping."""
        return sum(self._sweep(table, now_ms // 1000) for table, schema in TABLES.items() if schema.ttl)

    def _load(self, keys: Iterable[Key]) -> dict[Key, Item]:
        wanted = [key for key in keys if possible(key)]
        with reading(self._database) as connection:
            return {row.key: row.item for row in rows.load(connection, wanted).values()}

    def _select(self, query: Query) -> list[Item]:
        if not answerable(query):
            return []
        with reading(self._database) as connection:
            return rows.select(connection, query)

    def _single(self, operation: str, action: _Single) -> Transition:
        check_action(action)
        (done,) = self._run([action], atomic=True, keep_old=isinstance(action, Delete) or meter.wants_units())
        meter.count_write(operation, lambda: _write_units(done))
        if not done.held:
            raise ConditionFailed(_item(done.old))
        return done

    def _run(self, actions: Sequence[Action], *, atomic: bool, keep_old: bool) -> list[Transition]:
        prepared = [prepare(action) for action in actions]

        def work(connection: sqlite3.Connection) -> tuple[list[Transition], list[Logged]]:
            judged = judge(connection, prepared, keep_old=keep_old)
            if atomic and not all(transition.held for transition in judged):
                return judged, []
            return judged, store(connection, judged)

        done, logged = self._database.write(work)
        if logged:
            self.feed.notify(logged)
        return done

    def _sweep(self, table: Table, now_s: int) -> int:
        def work(connection: sqlite3.Connection) -> tuple[int, list[Logged]]:
            keys = rows.expired(connection, table, now_s, SWEEP_BATCH)
            old = rows.load(connection, keys) if table == "core" else {}
            rows.delete(connection, keys)
            return len(keys), changelog.append(connection, [(key, row, None) for key, row in old.items()])

        total = 0
        while True:
            count, logged = self._database.write(work)
            if logged:
                self.feed.notify(logged)
            total += count
            if count < SWEEP_BATCH:
                return total


def _create(connection: sqlite3.Connection) -> None:
    rows.create_tables(connection)
    changelog.create_table(connection)


def _distinct(actions: Sequence[_Single]) -> Iterator[list[_Single]]:
    """In order, in parts that name each item once."""
    part: dict[Key, _Single] = {}
    for action in actions:
        if action.key in part or len(part) == _WRITE_BATCH:
            yield list(part.values())
            part = {}
        part[action.key] = action
    if part:
        yield list(part.values())


def _item(row: rows.Row | None) -> Item | None:
    return None if row is None else row.item


def _size(item: Item | None) -> int:
    return 0 if item is None else item_size(item)


def _get_units(keys: Iterable[Key], found: dict[Key, Item]) -> float:
    return meter.get_units(_size(found.get(key)) for key in set(keys))


def _fetch_units(reads: Reads, fetched: Fetched) -> float:
    pages = sum(_query_units(query, page) for query, page in fetched.pages.items())
    return pages + (_get_units(reads.keys, fetched.items) if reads.keys else 0)


def _query_units(query: Query, page: list[Item]) -> float:
    return meter.query_units([_size(item) for item in page], index=query.index is not None)


def _write_units(done: Transition, *, transaction: bool = False) -> int:
    old, new = _item(done.old), _item(done.new)
    moved = 0
    for index in TABLES[done.action.key.table].indexes:
        before, after = (old or {}).get(index), (new or {}).get(index)
        if before != after:
            moved += (before is not None) + (after is not None)
    return meter.write_units(max(_size(old), _size(new)), index_entries=moved, transaction=transaction)
