"""How much of one mail is read (design: flows.md, "Mail in"), and the account kept while reading it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

_MB = 1024 * 1024

MonotonicClock = Callable[[], float]
"""Seconds from an arbitrary start, as `time.monotonic`."""


class Limits(NamedTuple):
    raw_bytes: int = 40 * _MB
    parts: int = 1_000
    depth: int = 50
    header_lines: int = 10_000
    """In all parts together."""
    decoded_bytes: int = 100 * _MB
    seconds: float = 20.0


class Budget:
    """Counts down while one mail is read. What is refused is noted once in `defects`; the reader then leaves out the rest."""

    def __init__(self, limits: Limits, defects: list[str], clock: MonotonicClock = time.monotonic) -> None:
        self.limits = limits
        self.defects = defects
        self._clock = clock
        self._deadline = clock() + limits.seconds
        self._parts = limits.parts
        self._header_lines = limits.header_lines
        self._decoded = limits.decoded_bytes

    def note(self, defect: str) -> None:
        if defect not in self.defects:
            self.defects.append(defect)

    def in_time(self) -> bool:
        return self._granted(self._clock() <= self._deadline, "time limit")

    def take_part(self) -> bool:
        self._parts -= 1
        return self._granted(self._parts >= 0, "too many parts") and self.in_time()

    def take_header_lines(self, count: int) -> bool:
        self._header_lines -= count
        return self._granted(self._header_lines >= 0, "too many header lines")

    def take_decoded(self, size: int) -> bool:
        if size > self._decoded:
            return self._granted(False, "too much decoded content")
        self._decoded -= size
        return True

    def allows_depth(self, depth: int) -> bool:
        return self._granted(depth <= self.limits.depth, "nested too deeply")

    def _granted(self, granted: bool, defect: str) -> bool:
        if not granted:
            self.note(defect)
        return granted
