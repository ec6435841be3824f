from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.store.database import Database
from mailroom.store.port import StoreBusy


def table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, v)")


def insert(value: object) -> Callable[[sqlite3.Connection], int | None]:
    return lambda connection: connection.execute("INSERT INTO t (v) VALUES (?)", (value,)).lastrowid


def values(database: Database) -> list[object]:
    return [value for (value,) in database.read().execute("SELECT v FROM t ORDER BY id")]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(tmp_path / "file.sqlite")
    made.write(table)
    yield made
    made.close()


def held_up(database: Database) -> tuple[threading.Event, threading.Thread]:
    """The writer is kept busy until the event is set, so that what comes meanwhile waits as one group."""
    entered, go_on = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        entered.set()
        go_on.wait(10)

    thread = threading.Thread(target=database.write, args=(wait,))
    thread.start()
    entered.wait(10)
    return go_on, thread


def run_as_group(database: Database, works: list[Callable[[sqlite3.Connection], object]]) -> list[object]:
    """What each returned or raised."""
    results: list[object] = [None] * len(works)

    def run(position: int) -> None:
        try:
            results[position] = database.write(works[position])
        except (ValueError, StoreBusy, sqlite3.Error) as error:
            results[position] = error

    go_on, holder = held_up(database)
    threads = [threading.Thread(target=run, args=(position,)) for position in range(len(works))]
    for thread in threads:
        thread.start()
    while database._jobs.qsize() < len(works):
        threading.Event().wait(0.001)
    go_on.set()
    for thread in [holder, *threads]:
        thread.join()
    return results


def test_write_returns_what_its_work_returns_and_every_thread_reads_it(database: Database) -> None:
    assert database.write(insert("x")) == 1

    seen: list[object] = []
    reader = threading.Thread(target=lambda: seen.extend(values(database)))
    reader.start()
    reader.join()

    assert seen == values(database) == ["x"]


def test_what_a_work_raises_undoes_its_changes_and_reaches_its_caller(database: Database) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        insert("gone")(connection)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        database.write(broken)

    assert values(database) == []


def test_a_failure_in_a_group_disturbs_nobody_else(database: Database) -> None:
    def broken(connection: sqlite3.Connection) -> None:
        insert("gone")(connection)
        raise ValueError("mine")

    works: list[Callable[[sqlite3.Connection], object]] = [broken, insert("a"), broken, insert("b"), broken, insert("c"), broken]
    results = run_as_group(database, works)

    assert sorted(map(str, values(database))) == ["a", "b", "c"]
    assert sum(isinstance(result, ValueError) for result in results) == 4


def test_a_mistake_in_sql_is_no_trouble_of_the_store(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        database.write(lambda connection: connection.execute("INSERT INTO t VALUES (1, 1), (1, 1)"))


def test_a_full_disk_is_busy_stores_nothing_and_passes(database: Database) -> None:
    pages = database.write(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
    database.write(lambda connection: connection.execute(f"PRAGMA max_page_count={pages + 20}").fetchone())

    def large(connection: sqlite3.Connection) -> None:
        insert("half")(connection)
        insert(bytes(1_000_000))(connection)

    with pytest.raises(StoreBusy):
        database.write(large)
    assert values(database) == []
    database.write(lambda connection: connection.execute("PRAGMA max_page_count=1000000").fetchone())
    database.write(large)

    assert len(values(database)) == 2


def test_writing_within_a_write_is_refused_instead_of_waiting_forever(database: Database) -> None:
    with pytest.raises(RuntimeError):
        database.write(lambda _: database.write(table))


def test_a_reading_connection_cannot_write(database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError):
        database.read().execute("INSERT INTO t (v) VALUES (1)")


def test_close_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path) -> None:
    database = Database(tmp_path / "file.sqlite")
    database.write(table)
    go_on, holder = held_up(database)
    waiting = [threading.Thread(target=database.write, args=(insert(n),)) for n in range(5)]
    for thread in waiting:
        thread.start()
    while database._jobs.qsize() < 5:
        threading.Event().wait(0.001)
    closing = threading.Thread(target=database.close)
    closing.start()
    go_on.set()
    for thread in [holder, *waiting, closing]:
        thread.join()

    with pytest.raises(StoreBusy):
        database.write(insert(9))
    again = Database(tmp_path / "file.sqlite")
    assert len(values(again)) == 5
    again.close()


def test_databases_in_memory_share_nothing_and_leave_nothing() -> None:
    first, second = Database(":memory:"), Database(":memory:")
    first.write(table)
    first.write(insert("first"))
    second.write(table)

    found = values(first), values(second)
    first.close()
    second.close()

    assert found == (["first"], [])
    assert not first.path.parent.exists()


def test_a_place_that_cannot_be_opened_is_busy(tmp_path: Path) -> None:
    with pytest.raises(StoreBusy):
        Database(tmp_path / "missing" / "file.sqlite")
