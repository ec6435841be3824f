"""A stack over the small template beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from local import Stack
from local.store.database import Database
from tests.local.inside import TEMPLATE, add_address


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack(template=TEMPLATE, verdicts="header") as running:
        add_address(running, "ann@mailroom.local")
        add_address(running, "gone@mailroom.local", "deleting")
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "test.sqlite")
    yield opened
    opened.close()
