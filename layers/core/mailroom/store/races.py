"""Trying again after a lost race: a client's call reads anew a few times, then says so (`errors.RaceCondition`)."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

ATTEMPTS = 8
_FIRST_WAIT_S = 0.02


def attempts() -> Iterator[int]:
    """Numbers from 0, with a growing, random wait before each but the first."""
    yield 0
    for attempt in range(1, ATTEMPTS):
        time.sleep(random.uniform(0, _FIRST_WAIT_S * 2 ** (attempt - 1)))
        yield attempt
