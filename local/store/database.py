"""One SQLite file: one writing thread that commits waiting work together, a reading connection per thread.

What `write` has returned is on the disk (WAL, `synchronous=FULL`). Modules that keep tables of their own in the same file create
them with `CREATE TABLE IF NOT EXISTS` in a `write`.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
import threading
import weakref
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

MEMORY = ":memory:"
MAX_GROUP = 64
"""Transactions that share one commit."""

_BUSY_SECONDS = 10.0
_JOURNAL_BYTES = 64 * 1024 * 1024
_CHECKPOINT_PAGES = 8192
"""32 MB. A checkpoint holds up the writer for several waits for the disk; SQLite's default comes after 80 small mails."""
_READ_CACHE_KIB = 1024
_WRITE_CACHE_KIB = 8192
_OUR_MISTAKE = (sqlite3.ProgrammingError, sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError)


class Database:
    """`:memory:` is a file of its own in a temporary folder, deleted by `close`, without waiting for the disk."""

    def __init__(self, path: str | Path) -> None:
        """Opens or creates the file. Raises StoreBusy where that is impossible."""
        folder = tempfile.mkdtemp(prefix="mailroom-") if str(path) == MEMORY else None
        self.path = Path(folder, "items.sqlite") if folder else Path(path)
        self._durable = folder is None
        self._discard = weakref.finalize(self, _remove_folder, folder)
        self._readers = threading.local()
        self._open_readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._gate = threading.Lock()
        self._closed = False
        self._jobs: SimpleQueue[_Job[Any] | None] = SimpleQueue()
        self._connection = self._connect(_WRITE_CACHE_KIB)
        self._writer = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._writer.start()

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in a transaction on the writing thread and returns its result once that is durable.

        `work` sees everything written before, must only use the connection it is given, and neither begins nor commits. What it
        raises undoes its changes alone and is raised here. Raises StoreBusy where the file cannot be written (disk full, I/O
        error, closed); nothing of `work` is stored then, and a later call may succeed.
        """
        if threading.current_thread() is self._writer:
            raise RuntimeError("write() inside of write()")
        job = _Job(work)
        with self._gate:
            if self._closed:
                raise StoreBusy("the database is closed")
            self._jobs.put(job)
        return job.result()

    def read(self) -> sqlite3.Connection:
        """This thread's reading connection, in autocommit: each statement sees all that was written before it."""
        reader: _Reader | None = getattr(self._readers, "value", None)
        if reader is None:
            with self._gate:
                if self._closed:
                    raise StoreBusy("the database is closed")
                reader = self._readers.value = _Reader(self._connect(_READ_CACHE_KIB))
                self._open_readers.add(reader)
            reader.connection.execute("PRAGMA query_only=1")
        return reader.connection

    def close(self) -> None:
        """Finishes what is waiting, then closes every connection. A second call does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        for reader in list(self._open_readers):
            reader.connection.close()
        self._connection.close()
        self._discard()

    def _connect(self, cache_kib: int) -> sqlite3.Connection:
        synchronous = "FULL" if self._durable else "OFF"
        try:
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=512
            )
        except sqlite3.Error as error:
            raise StoreBusy(str(error)) from error
        try:
            for setting in (
                "journal_mode=WAL",
                f"synchronous={synchronous}",
                "fullfsync=1",
                f"journal_size_limit={_JOURNAL_BYTES}",
                f"wal_autocheckpoint={_CHECKPOINT_PAGES}",
                f"cache_size=-{cache_kib}",
                # What a savepoint would bring back goes to a temporary file otherwise.
                "temp_store=MEMORY",
            ):
                connection.execute(f"PRAGMA {setting}")
        except sqlite3.Error as error:
            connection.close()
            raise StoreBusy(str(error)) from error
        return connection

    def _serve(self) -> None:
        closing = False
        while not closing:
            jobs, closing = self._next_group()
            if jobs:
                _commit(self._connection, jobs)

    def _next_group(self) -> tuple[list[_Job[Any]], bool]:
        """Waits for work; the flag says that it is the last."""
        jobs: list[_Job[Any]] = []
        entry = self._jobs.get()
        with contextlib.suppress(Empty):
            while entry is not None:
                jobs.append(entry)
                if len(jobs) == MAX_GROUP:
                    break
                entry = self._jobs.get_nowait()
        return jobs, entry is None


@contextlib.contextmanager
def reading(database: Database) -> Iterator[sqlite3.Connection]:
    """This thread's reading connection; SQLite's own troubles become StoreBusy."""
    try:
        yield database.read()
    except sqlite3.Error as error:
        ours = _ours(error)
        if ours is error:
            raise
        raise ours from error


class _Job(Generic[T]):
    __slots__ = ("_done", "_work", "error", "value")

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work = work
        self._done = threading.Lock()
        self._done.acquire()
        self.error: BaseException | None = None

    def run_first(self, connection: sqlite3.Connection) -> None:
        """In a transaction in which nothing was done before, which needs no savepoint. Raises as `run` does."""
        try:
            self.value = self._work(connection)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
            self.error = _ours(error)
            connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")

    def run(self, connection: sqlite3.Connection) -> None:
        """Raises sqlite3.Error only where the whole group's transaction is lost."""
        connection.execute("SAVEPOINT job")
        try:
            self.value = self._work(connection)
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that asked
            self.error = _ours(error)
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")

    def finish(self) -> None:
        self._done.release()

    def result(self) -> T:
        self._done.acquire()
        if self.error is not None:
            raise self.error
        return self.value


class _Reader:
    """Closes its connection when the thread that it belongs to ends."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def __del__(self) -> None:
        self.connection.close()


def _commit(connection: sqlite3.Connection, jobs: list[_Job[Any]]) -> None:
    try:
        connection.execute("BEGIN IMMEDIATE")
        jobs[0].run_first(connection)
        for job in jobs[1:]:
            job.run(connection)
        connection.execute("COMMIT")
    except (sqlite3.Error, MemoryError) as error:
        _roll_back(connection)
        for job in jobs:
            job.error = job.error or _ours(error)
    for job in jobs:
        job.finish()


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite has rolled back by itself after some I/O errors; where it cannot now, the next BEGIN fails and tells its callers.
    if connection.in_transaction:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _ours(error: BaseException) -> BaseException:
    if isinstance(error, sqlite3.Error) and not isinstance(error, _OUR_MISTAKE):
        busy = StoreBusy(str(error))
        busy.__cause__ = error
        return busy
    return error


def _remove_folder(folder: str | None) -> None:
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
