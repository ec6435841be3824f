"""Hypothesis looks at new examples on a developer's machine, and at the same ones each time where a result must be repeatable."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, database=None)
if "CI" in os.environ:
    settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "waiting: takes long and does little; begun first, so that others run meanwhile")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("waiting") is None)
