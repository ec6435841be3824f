"""Appenders that race, crash and get their batches again, and readers in between: each event has exactly one position in the end,
and no reader ever passes one that is filled later."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from local.store.database import MEMORY, Database
from local.store.sqlite import SqliteItemStore
from mailroom.events.log import read_after
from mailroom.events.sequence import sequence
from mailroom.store.port import Action, Item, ItemStore, Key, Query, StoreBusy
from tests.support.events import happen, ids_of, log_of
from tests.support.fakes import ManualClock

ORGANIZATIONS = ("org-0", "org-1")
EVENTS = 130

Fate = Literal["passes", "fails", "loses its answer"]
Turn = tuple[Literal["nothing", "append", "read"], int, int, Fate]
TURNS = st.tuples(
    st.sampled_from(["nothing", "append", "append", "read"]),
    st.integers(0, EVENTS - 1),
    st.integers(1, 110),
    st.sampled_from(["passes", "passes", "passes", "fails", "loses its answer"]),
)
MAX_DEPTH = 3


class World:
    def __init__(self, items: ItemStore, turns: list[Turn]) -> None:
        self.items = items
        self.turns: Iterator[Turn] = iter(turns)
        self.clock = ManualClock()
        self.rows = [happen(number, items=items, o=ORGANIZATIONS[number % 3 // 2]) for number in range(EVENTS)]
        self.seen: dict[str, list[str]] = {o: [] for o in ORGANIZATIONS}
        self.positions = dict.fromkeys(ORGANIZATIONS, 0)
        self.depth = 0

    def others(self) -> Fate:
        """What happens while a call to the store is under way; how the call itself ends."""
        what, start, size, fate = next(self.turns, ("nothing", 0, 0, "passes"))
        if self.depth < MAX_DEPTH:
            self.depth += 1
            if what == "append":
                self.append(self.rows[start : start + size])
            elif what == "read":
                self.read(ORGANIZATIONS[start % 2], size)
            self.depth -= 1
        return fate

    def append(self, rows: list[Item]) -> None:
        try:
            sequence(rows, items=Raced(self), clock=self.clock, pause=lambda _: None)
        except StoreBusy:
            """The batch comes again, some time."""

    def read(self, o: str, limit: int) -> None:
        """Readers of one organization take turns, as its one client would."""
        before = self.positions[o]
        batch = read_after(o, before, items=Raced(self, fails=False), limit=limit, wanted=lambda _: True, clock=self.clock)
        if self.positions[o] == before:
            self.positions[o] = batch.position
            self.seen[o] += ids_of(batch.entries)


class Raced:
    """The store, where others are always faster."""

    def __init__(self, world: World, *, fails: bool = True) -> None:
        self._world = world
        self._fails = fails

    def get(self, key: Key) -> Item | None:
        self._world.others()
        return self._world.items.get(key)

    def query(self, query: Query) -> list[Item]:
        self._world.others()
        return self._world.items.query(query)

    def transact(self, actions: Sequence[Action]) -> None:
        fate = self._world.others()
        if fate == "fails":
            raise StoreBusy("throttled")
        self._world.items.transact(actions)
        if fate == "loses its answer":
            raise StoreBusy("timed out")

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"not needed: {name}")


@settings(max_examples=40, deadline=None)
@given(st.lists(TURNS, min_size=5, max_size=80))
def test_every_event_gets_one_position_and_no_reader_misses_one(turns: list[Turn]) -> None:
    database = Database(MEMORY)
    try:
        world = World(SqliteItemStore(database), turns)
        for start in range(0, EVENTS, 40):
            world.append(world.rows[start : start + 40])
            world.read(ORGANIZATIONS[start % 2], 30)
        sequence(world.rows, items=world.items, clock=world.clock, pause=lambda _: None)
        for number, o in enumerate(ORGANIZATIONS):
            log = log_of(o, items=world.items, clock=world.clock)
            rest = log_of(o, items=world.items, clock=world.clock, after=world.positions[o])
            assert sorted(ids_of(log)) == sorted(row["event_id"] for at, row in enumerate(world.rows) if at % 3 // 2 == number)
            assert world.seen[o] + ids_of(rest) == ids_of(log)
            assert [(world.items.get(entry.key) or {})["pos"] for entry in log] == [entry.position for entry in log]
    finally:
        database.close()
