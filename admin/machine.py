"""One machine's data folder, also while the server runs on it: SQLite lets several processes in. The folder's lock keeps a second
server out, and is not asked here."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path

from admin.doctor import clock as clocks
from admin.doctor import machine, names, queues, versions
from admin.site import Check, QueueState, Site, SiteError
from local import template as templates
from local.queue_counts import count, put_back
from local.settings import MEMORY, Settings, SettingsError, from_environment
from local.stack import DATABASE, TEMPLATE
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.clock import Clock, now_ms
from mailroom.ports import Resolver
from mailroom.store.port import StoreBusy
from mailroom.web.resolver import DnsResolver


class MachineQueues:
    """Implements `QueueKeeper`. A running server takes up what was put back within half a minute."""

    def __init__(self, database: Database, template: Path, *, clock: Clock) -> None:
        self._database = database
        self._template = template
        self._clock = clock

    @cached_property
    def _dead(self) -> dict[str, str]:
        """Queue -> that of its dead letters. Reading the template takes longer than most commands, which do not need it."""
        declared = templates.load(self._template).queues
        return {name: queue.dead_letter for name, queue in declared.items() if queue.dead_letter is not None}

    def states(self) -> list[QueueState]:
        return [self._state(name, dead) for name, dead in self._dead.items()]

    def redrive(self, queue: str) -> int:
        dead = self._dead[queue]
        return self._database.write(lambda connection: put_back(connection, queue, dead))

    def _state(self, name: str, dead: str) -> QueueState:
        now = self._clock()
        found, given_up = count(self._database, name, now), count(self._database, dead, now)
        ages = [None if sent is None else max(0, now - sent) // 1000 for sent in (found.oldest, given_up.oldest)]
        return QueueState(name, found.due, found.later, found.working, ages[0], given_up.due, ages[1])


@contextlib.contextmanager
def opened(data: str, environment: Mapping[str, str], *, resolver: Resolver | None = None, clock: Clock = now_ms) -> Iterator[Site]:
    """Raises SiteError."""
    try:
        settings = from_environment(environment)
        folder = _folder(data)
        database = Database(folder / DATABASE)
    except SettingsError as error:
        raise SiteError(str(error)) from error
    except (StoreBusy, OSError) as error:
        advice = "Run as the owner of the folder, on a disk with room; what is damaged comes back from a backup."
        raise SiteError(f"The data in {data} cannot be opened ({error}). {advice}") from error
    with contextlib.closing(database):
        keeper = MachineQueues(database, TEMPLATE, clock=clock)
        asked = resolver or DnsResolver(settings.config.dns)
        checks = _checks(folder, settings, keeper, resolver=asked, clock=clock)
        yield Site(f"data folder {folder}", SqliteItemStore(database), keeper, checks, clock)


def _folder(data: str) -> Path:
    """One that exists: a mistyped name must not become a new deployment."""
    if data == MEMORY:
        raise SiteError("Data in memory is the server's alone. Name a folder with --data.")
    folder = Path(data)
    if not (folder / DATABASE).is_file():
        raise SiteError(f"There is no {DATABASE} in {folder}. Name the folder with --data, or start Mailroom once (make run).")
    return folder


def _checks(folder: Path, settings: Settings, keeper: MachineQueues, *, resolver: Resolver, clock: Clock) -> dict[str, Check]:
    return {
        "versions": partial(versions.versions, SQLite=sqlite3.sqlite_version),
        "disk": partial(machine.disk, folder),
        "permissions": partial(machine.permissions, folder),
        "api": partial(machine.api_port, settings.host, settings.http_port),
        "smtp": partial(machine.smtp_port, settings.host, settings.smtp_port),
        "relay": partial(machine.relay, settings.relay),
        **names.checks(settings.config.domain, resolver, inbound_host=None, spf_mechanism=None),
        "queues": lambda: queues.backlog(keeper.states()),
        "dead letters": lambda: queues.dead_letters(keeper.states()),
        "timers": lambda: queues.timers(keeper.states()),
        "clock": partial(clocks.against_files, [folder / DATABASE, folder / f"{DATABASE}-wal"], clock=clock),
    }
