"""The stream of the event table on a desk: what its workers are handed, once, again, or only what is new."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from local.filters import passes
from local.template import load
from mailroom.aws.stream_records import stream_event
from mailroom.events.log import Entry
from mailroom.store.port import ChangeFeed, ChangeRecord
from tests.support.desk import Desk, mail
from tests.support.events import log_of

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
WORKERS = {worker.function.module: worker for worker in load(TEMPLATE).stream_workers}
SEQUENCE, PUBLISH = "functions.events.sequence_events", "functions.events.publish_events"


class Feed:
    """A desk with an inbox, and its stream."""

    def __init__(self, desk: Desk, feed: ChangeFeed) -> None:
        self.desk, self.feed = desk, feed
        self.inbox = desk.inbox()
        self._read: list[ChangeRecord] = []
        self._position: str | None = None
        self._done = {SEQUENCE: 0, PUBLISH: 0}

    def receive(self, *numbers: int, inbox: str | None = None) -> None:
        for number in numbers:
            to = inbox or self.inbox
            raw = mail(to=to, message_id=f"<{number}@example.com>")
            assert self.desk.receive(self.desk.arrive(raw, to)) == []

    def changes(self, module: str) -> list[ChangeRecord]:
        """All that the worker is handed, from the beginning on."""
        worker, more = WORKERS[module], True
        while more:
            records, self._position = self.feed.read(self._position, 1000)
            self._read += records
            more = bool(records)
        return [change for change in self._read if change.table == worker.table and passes(change, worker.filters)]

    def hand(self, module: str, changes: Sequence[ChangeRecord] | None = None) -> list[str]:
        """In one batch; the ids of what must come again."""
        event = stream_event(self.changes(module) if changes is None else changes)
        answer = self.desk.work(module.removeprefix("functions."), event)
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def replay(self) -> None:
        """Everything from the beginning, in the batches that the template asks for."""
        for module in (SEQUENCE, PUBLISH):
            changes, size = self.changes(module), WORKERS[module].batch_size
            for start in range(0, len(changes), size):
                assert self.hand(module, changes[start : start + size]) == []
            self._done[module] = len(changes)

    def go_on(self) -> None:
        """What is new, until nothing is. Where it raises, the same comes again the next time."""
        for module in (SEQUENCE, PUBLISH):
            changes = self.changes(module)
            if new := changes[self._done[module] :]:
                assert self.hand(module, new) == []
            self._done[module] = len(changes)

    def log(self) -> list[Entry]:
        return log_of(self.desk.o, items=self.desk.items, clock=self.desk.clock)
