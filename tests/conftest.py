"""Hypothesis looks at new examples on a developer's machine, and at the same ones each time where a result must be repeatable."""

from __future__ import annotations

import gc
import os
from functools import cache

import pytest
from httpx._transports import default as transports
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
if "CI" in os.environ:
    settings.load_profile("repeatable")

# Otherwise each client reads the certificates of all authorities, here for addresses without TLS.
transports.create_ssl_context = cache(transports.create_ssl_context)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "waiting: takes long and does little; begun first, so that others run meanwhile")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("waiting") is None)


def pytest_collection_finish() -> None:
    """What was imported stays, and need not be looked through again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
