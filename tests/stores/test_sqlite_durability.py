"""Killed at any moment, or out of space: what was acknowledged is there, nothing is there in half."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.store.port import Key, Query

ROOT = Path(__file__).parents[2]
SIDES = (Key("core", "p", ""), Key("idx", "p", ""), Key("ev", "p", ""))

WRITER = """
import sys, threading
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.store.port import Key, Put
store = SqliteItemStore(Database(sys.argv[1]))
def run(thread):
    for n in range(100000):
        name = f"{thread}-{n}"
        store.transact([Put(Key(table, "p", name), {"data": "x" * 2000}) for table in ("core", "idx", "ev")])
        sys.stdout.write(name + "\\n")
        sys.stdout.flush()
for thread in range(4):
    threading.Thread(target=run, args=(thread,)).start()
"""

FILLER = """
import resource, signal, sys
from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.store.port import Key, Put, StoreBusy
store = SqliteItemStore(Database(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
done, n = [], 0
while True:
    try:
        store.transact([Put(Key(table, "p", f"{n:04}"), {"data": "x" * 20000}) for table in ("core", "idx", "ev")])
    except StoreBusy:
        break
    done.append(n)
    n += 1
assert store.get(Key("core", "p", "0000")) is not None
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
store.transact([Put(Key(table, "p", "after"), {}) for table in ("core", "idx", "ev")])
print(len(done))
"""


def start(program: str, path: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "layers" / "core")])}
    return subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True, env=environment)


def names_by_table(path: Path) -> list[set[str]]:
    database = Database(path)
    store = SqliteItemStore(database)
    found = [{item["sk"] for item in store.query(Query(side.table, "p", 10**6))} for side in SIDES]
    logged = {change.key.sk for change in store.feed.read(None, 10**6)[0]}
    assert database.read().execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
    return [*found, logged]


@pytest.mark.parametrize("round_", range(3))
def test_every_acknowledged_transaction_survives_a_kill_whole(tmp_path: Path, round_: int) -> None:
    path = tmp_path / "items.sqlite"
    process = start(WRITER, path)
    assert process.stdout is not None
    first = process.stdout.readline()

    time.sleep(random.uniform(0, 0.3))
    process.send_signal(signal.SIGKILL)
    acknowledged = {line.strip() for line in [first, *process.stdout] if line.endswith("\n")}
    process.stdout.close()
    process.wait()

    core, *others = names_by_table(path)
    assert acknowledged <= core
    assert all(other == core for other in others)


def test_without_space_nothing_is_stored_in_half_and_with_space_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "items.sqlite"
    process = start(FILLER, path)
    output, _ = process.communicate(timeout=60)

    core, *others = names_by_table(path)

    assert process.returncode == 0
    assert len(core) == int(output) + 1
    assert all(other == core for other in others)
