"""The template's rate(...) schedules. When each ran last is kept, so a restart neither forgets nor repeats a run."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from local.store.database import reading
from mailroom.clock import Clock, now_ms, to_wire
from mailroom.ids import uuid7
from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from local.invoke import Call
    from local.store.database import Database
    from local.template import Schedule

_LONGEST_SLEEP_S = 60.0

_log = logging.getLogger(__name__)


class Scheduler:
    def __init__(self, database: Database, schedules: Sequence[Schedule], *, call: Call, clock: Clock = now_ms) -> None:
        self._database = database
        self._schedules = schedules
        self._call = call
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="schedule", daemon=True)
        database.write(self._prepare)

    def start(self) -> None:
        if self._schedules:
            self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def run_due(self) -> float:
        """Runs what is due; seconds until something is due again."""
        waits = [_LONGEST_SLEEP_S]
        for schedule in self._schedules:
            ahead = self._last(schedule) + schedule.every_s * 1000 - self._clock()
            if ahead <= 0:
                self._invoke(schedule)
                ahead = schedule.every_s * 1000
            waits.append(ahead / 1000)
        return min(waits)

    def _run(self) -> None:
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                wait = self.run_due()
            except StoreBusy:
                _log.exception("schedule store unavailable")
                wait = 1.0

    def _invoke(self, schedule: Schedule) -> None:
        now = self._clock()
        event = {"time": to_wire(now), "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}, **schedule.input}
        try:
            self._call(schedule.function, event, uuid7(now))
        except Exception:  # noqa: BLE001 - a handler that fails is run again at its next time
            _log.exception("scheduled handler failed", extra={"function": schedule.function.name})
        self._database.write(lambda connection: _note(connection, schedule.name, now))

    def _last(self, schedule: Schedule) -> int:
        with reading(self._database) as connection:
            row = connection.execute("SELECT last FROM schedule_run WHERE name = ?", (schedule.name,)).fetchone()
        # A clock set back must not put a run off.
        return min(int(row[0]), self._clock())

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS schedule_run (name TEXT PRIMARY KEY, last INTEGER NOT NULL)")
        names = [(schedule.name, self._clock()) for schedule in self._schedules]
        connection.executemany("INSERT OR IGNORE INTO schedule_run (name, last) VALUES (?, ?)", names)


def _note(connection: sqlite3.Connection, name: str, now: int) -> None:
    connection.execute("UPDATE schedule_run SET last = ? WHERE name = ?", (now, name))
