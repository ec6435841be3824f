"""The same cases over every adapter of the item store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from local.store.database import Database
from local.store.sqlite import SqliteItemStore
from mailroom.store.port import ChangeFeed, ItemStore
from tests.support.dynamo import dynamo

ADAPTERS = ("sqlite", "dynamodb")


@dataclass(frozen=True, slots=True)
class Adapter:
    items: ItemStore
    feed: ChangeFeed


@contextmanager
def opened(name: str) -> Iterator[Adapter]:
    """An empty store."""
    if name == "dynamodb":
        with dynamo() as made:
            yield Adapter(made.items, made.feed)
        return
    database = Database(":memory:")
    try:
        store = SqliteItemStore(database)
        yield Adapter(store, store.feed)
    finally:
        database.close()


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Iterator[Adapter]:
    with opened(request.param) as made:
        yield made


@pytest.fixture
def items(adapter: Adapter) -> ItemStore:
    return adapter.items


@pytest.fixture
def feed(adapter: Adapter) -> ChangeFeed:
    return adapter.feed


@pytest.fixture
def database() -> Iterator[Database]:
    made = Database(":memory:")
    yield made
    made.close()


@pytest.fixture
def sqlite(database: Database) -> Any:
    return SqliteItemStore(database)
