"""Waiting for what happens in the background."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(probe: Callable[[], T], seconds: float = 30) -> T:
    """The first truthy value; fails after a while."""
    deadline, pause_s = time.monotonic() + seconds, 0.005
    while not (value := probe()):
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(pause_s)
        # What takes long is not asked for all the while, which would keep it from happening.
        pause_s = min(pause_s * 1.2, 0.05)
    return value
