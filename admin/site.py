"""What a command works on: one machine's data folder, or a stack."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from admin.doctor.findings import Finding
from mailroom.clock import Clock
from mailroom.store.port import ItemStore

Check = Callable[[], Finding]


class SiteError(Exception):
    """The data cannot be reached; the text says why, and what to do."""


class QueueState(NamedTuple):
    queue: str
    """As `ports.Queues` names it."""
    waiting: int
    later: int
    """Delayed, or a timer."""
    working: int
    oldest_s: int | None
    """Age of the oldest that waits; None where there is none, or nobody knows."""
    dead: int
    oldest_dead_s: int | None
    redrivable: bool = True
    """Whether its dead letters can be put back: those of the change feed only name positions."""

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in self._asdict().items() if value is not None}


class QueueKeeper(Protocol):
    def states(self) -> list[QueueState]:
        """All queues that have dead letters."""
        ...

    def redrive(self, queue: str) -> int:
        """Puts the dead letters back; how many, or about how many. Raises KeyError for a queue that has none."""
        ...


@dataclass(frozen=True, slots=True)
class Site:
    name: str
    items: ItemStore
    queues: QueueKeeper
    checks: Mapping[str, Check]
    """The doctor's, by name, in their order."""
    clock: Clock
