"""The stream of the event table on a desk: what its workers are handed, once, again, or only what is new."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from local.filters import passes
from local.store.sqlite import SqliteItemStore
from local.template import load
from mailroom.aws.stream_records import stream_event
from mailroom.events.log import Entry
from mailroom.inboxes.purge import purge_inbox
from mailroom.store import keys
from mailroom.store.port import ChangeFeed, ChangeRecord, Item, Query, Set
from tests.support.desk import SECRET, Desk, mail
from tests.support.dynamo import dynamo
from tests.support.events import happen, ids_of, log_of
from tests.support.fakes import SocketList
from tests.support.hooks import Hooks

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

    def receive(self, *numbers: int, inbox: str | None = None, **fields: str) -> None:
        for number in numbers:
            to = inbox or self.inbox
            raw = mail(to=to, message_id=f"<{number}@example.com>", **fields)
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
            self.step(module)

    def step(self, module: str) -> None:
        """What is new for one worker, in one batch."""
        changes = self.changes(module)
        if new := changes[self._done[module] :]:
            assert self.hand(module, new) == []
        self._done[module] = len(changes)

    def log(self) -> list[Entry]:
        return log_of(self.desk.o, items=self.desk.items, clock=self.desk.clock)


class Outlets(Feed):
    """A desk whose stream feeds webhooks and sockets."""

    def __init__(self, desk: Desk, feed: ChangeFeed) -> None:
        super().__init__(desk, feed)
        self.hooks = Hooks(desk)
        self.sockets = cast(SocketList, desk.runtime.sockets)

    def connect(self, connection_id: str, **fields: Any) -> None:
        context = {"connectionId": connection_id, "requestId": "r"}
        opening = {"headers": {"Authorization": f"Bearer {SECRET}"}, "requestContext": context}
        assert self.desk.work("sockets.connect_socket", opening)["statusCode"] == 200
        frame = json.dumps({"type": "subscribe", **fields})
        self.desk.work("sockets.receive_frame", {"requestContext": context, "body": frame})
        assert self.sockets.sent_to(connection_id)[0]["type"] == "subscribed"

    def happen(self, number: int) -> None:
        happen(number, items=self.desk.items, o=self.desk.o, inbox_id=self.inbox, ts=self.desk.clock())

    def publish(self) -> None:
        """Everything that happened, to the end."""
        self.go_on()
        self.hooks.run()

    def delete_inbox(self, inbox_id: str) -> None:
        """To the last row."""
        desk = self.desk
        for row in (keys.inbox(desk.o, inbox_id), keys.address(inbox_id)):
            desk.items.update(row, [Set("state", "deleting")])
        assert purge_inbox(desk.o, inbox_id, items=desk.items, blobs=desk.blobs, clock=desk.clock) is None

    # --- what came of it ----------------------------------------------------------------------------------------------

    def logged(self) -> list[str]:
        return ids_of(self.log())

    def posted(self) -> list[str]:
        return [headers["svix-id"] for _, _, headers in self.hooks.receiver.posts]

    def pushed(self, *connections: str) -> list[str]:
        frames = [frame for each in connections for frame in self.sockets.sent_to(each)]
        return [frame["event_id"] for frame in frames if frame["type"] == "event"]

    def deliveries(self, webhook_id: str) -> list[Item]:
        return self.desk.items.query(Query("eph", keys.deliveries(self.desk.o, webhook_id), 1000))

    def traces(self, connection_id: str) -> list[str]:
        """Partitions that still know a connection."""
        o = self.desk.o
        row = self.desk.items.get(keys.connection("c2"))
        assert row is not None
        places = [keys.subscriptions(o), keys.connections_of_key(o, row["api_key_id"]), *map(keys.keep_alive, range(8))]
        return [place for place in places for row in self.desk.items.query(Query("eph", place, 100)) if row["sk"] == connection_id]


@contextlib.contextmanager
def outlets(store: Literal["sqlite", "dynamodb"]) -> Iterator[Outlets]:
    with contextlib.ExitStack() as stack:
        if store == "dynamodb":
            made = stack.enter_context(dynamo())
            yield Outlets(stack.enter_context(Desk(items=made.items)), made.feed)
        else:
            desk = stack.enter_context(Desk())
            assert isinstance(desk.items, SqliteItemStore)
            yield Outlets(desk, desk.items.feed)
