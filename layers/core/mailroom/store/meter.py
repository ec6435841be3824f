"""What an operation costs: sequential trips, read units and write units per port call, counted as DynamoDB bills on demand.

A read unit is 4 KB read consistently, half a unit for an index; a write unit is 1 KB, twice in a transaction, where a check
costs like a write; each entry written to or removed from an index is one more unit. A missing item costs like the smallest.
The DynamoDB adapter does not know what stood there before a write and counts the size of what it sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

READ_BYTES = 4096
WRITE_BYTES = 1024


class Call(NamedTuple):
    operation: str
    """Name of the port's method."""
    trips: int
    read_units: float
    write_units: int


@dataclass(slots=True)
class Meter:
    units: bool = True
    """Whether units are counted too: sizing every item costs more than reading it from SQLite."""
    calls: list[Call] = field(default_factory=list)

    @property
    def trips(self) -> int:
        return sum(call.trips for call in self.calls)

    @property
    def read_units(self) -> float:
        return sum(call.read_units for call in self.calls)

    @property
    def write_units(self) -> int:
        return sum(call.write_units for call in self.calls)

    def add(self, operation: str, *, trips: int = 1, read_units: float = 0, write_units: int = 0) -> None:
        self.calls.append(Call(operation, trips, read_units, write_units))


_current: ContextVar[Meter | None] = ContextVar("mailroom_store_meter", default=None)


@contextmanager
def metered(*, units: bool = True) -> Iterator[Meter]:
    """Counts the store calls of this context. Inside another meter's block it counts for both, with units if either wants them."""
    outer = _current.get()
    meter = Meter(units or (outer is not None and outer.units))
    token = _current.set(meter)
    try:
        yield meter
    finally:
        _current.reset(token)
        if outer is not None:
            outer.calls.extend(meter.calls)


@contextmanager
def unmetered() -> Iterator[None]:
    """For what stands in for an outside provider and happens to use the same store."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def wants_units() -> bool:
    meter = _current.get()
    return meter is not None and meter.units


def count_read(operation: str, units: Callable[[], float], *, trips: int = 1) -> None:
    if meter := _current.get():
        meter.add(operation, trips=trips, read_units=units() if meter.units else 0)


def count_write(operation: str, units: Callable[[], int], *, trips: int = 1) -> None:
    if meter := _current.get():
        meter.add(operation, trips=trips, write_units=units() if meter.units else 0)


def get_units(sizes: Iterable[int]) -> float:
    """Each item is rounded by itself; 0 stands for one that is missing."""
    return float(sum(_units(size, READ_BYTES) for size in sizes))


def query_units(sizes: Iterable[int], *, index: bool) -> float:
    """A page is rounded as a whole."""
    return _units(sum(sizes), READ_BYTES) * (0.5 if index else 1.0)


def write_units(size: int, *, index_entries: int = 0, transaction: bool = False) -> int:
    """`size` is the larger of the item's sizes before and after."""
    return _units(size, WRITE_BYTES) * (2 if transaction else 1) + index_entries


def batch_trips(count: int, batch: int = 100) -> int:
    return max(1, -(-count // batch))


def _units(size: int, unit: int) -> int:
    return max(1, -(-size // unit))
