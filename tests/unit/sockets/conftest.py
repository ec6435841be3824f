"""An organization with one key, one inbox and sockets in memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.store.database import Database
from mailroom.runtime import Runtime
from tests.support.fakes import SocketList, memory_runtime
from tests.support.lines import add_key


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    database = Database(":memory:")
    made = memory_runtime(database)
    add_key(made)
    yield made
    database.close()


@pytest.fixture
def sockets(runtime: Runtime) -> SocketList:
    assert isinstance(runtime.sockets, SocketList)
    return runtime.sockets
