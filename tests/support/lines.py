"""A log and connections in memory, for tests of what happens between them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from mailroom import ids
from mailroom.callers import Caller
from mailroom.events import log, types
from mailroom.events.positions import position
from mailroom.events.render import Contents
from mailroom.keys.record import ApiKeyRecord, creation
from mailroom.runtime import Runtime
from mailroom.sockets.push import push
from mailroom.sockets.record import ConnectionRecord, new_connection, record_of, registration
from mailroom.store import keys
from mailroom.store.port import Put

ORG, POD, INBOX, KEY_ID = "org-1", "pod-1", "agent@mailroom.local", "key-1"
CALLER = Caller(ORG, "organization", ORG, api_key_id=KEY_ID)


def add_key(runtime: Runtime, **fields: Any) -> None:
    record = ApiKeyRecord(
        api_key_id=KEY_ID,
        organization_id=ORG,
        scope_type="organization",
        scope_id=ORG,
        prefix="am_",
        name="key",
        secret_hash="hash",
        created_at=1,
        updated_at=1,
        ver=1,
    )
    runtime.items.transact(creation({**record, **fields}))  # type: ignore[typeddict-item]
    runtime.items.put(keys.inbox(ORG, INBOX), {"inbox_id": INBOX, "pod_id": POD})


def add_connection(runtime: Runtime, connection_id: str = "c1") -> ConnectionRecord:
    record = new_connection(CALLER, connection_id, KEY_ID, None, runtime.clock())
    runtime.items.write(registration(record))
    return record


def stored(runtime: Runtime, connection_id: str = "c1") -> ConnectionRecord:
    row = runtime.items.get(keys.connection(connection_id))
    assert row is not None
    return record_of(row)


def append(runtime: Runtime, page: int, size: int = 2) -> log.Page:
    """The log's next page, of sends."""
    now, pointers, rows = runtime.clock(), [], []
    for index in range(size):
        event_id = ids.event_id(now, ORG, str(page), str(index))
        key = keys.event(ORG, INBOX, types.SENT, now, event_id)
        where = {"event_id": event_id, "event_type": types.SENT, "ts": now, "pod_id": POD, "inbox_id": INBOX}
        message = {"organization_id": ORG, "thread_id": "t", "message_id": f"<{page}-{index}@x>"}
        rows.append(Put(key, {**where, **message, "payload": {"recipients": ["a@example.com"]}, "pos": position(page, index)}))
        pointers.append({**where, "pk": key.pk, "sk": key.sk})
    tail = runtime.items.get(keys.log_tail(ORG))
    row = {"organization_id": ORG, "page": page, "ts": now, "before": tail["position"] if tail else 0, "events": pointers}
    last = Put(keys.log_tail(ORG), {"position": position(page, size - 1)})
    runtime.items.transact([*rows, Put(keys.log_page(ORG, page), row), last])
    return log.Page.of(row)


def publish(runtime: Runtime, page: log.Page) -> None:
    contents = Contents(items=runtime.items, blobs=runtime.blobs)
    push(page, contents, items=runtime.items, sockets=runtime.sockets, clock=runtime.clock)


class Turns:
    """Lets threads take their steps in a given order: each call of a watched port is a step of the thread that makes it. A thread
    that has ended no longer holds the others up."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._here = threading.Condition()
        self._running: set[int] = set()
        self._mine = threading.local()

    def run(self, *actors: Callable[[], object]) -> None:
        """Raises the first failure."""
        failures: list[BaseException] = []
        self._running = set(range(len(actors)))

        def play(number: int, actor: Callable[[], object]) -> None:
            self._mine.number = number
            try:
                actor()
            except BaseException as error:  # noqa: BLE001 - raised again by `run`
                failures.append(error)
            finally:
                with self._here:
                    self._running.discard(number)
                    self._here.notify_all()

        threads = [threading.Thread(target=play, args=pair) for pair in enumerate(actors)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]

    def watch(self, port: Any) -> Any:
        return _Watched(port, self)

    def step(self) -> None:
        number = getattr(self._mine, "number", None)
        if number is None:
            return
        with self._here:
            while self._order and self._order[0] != number and self._order[0] in self._running:
                self._here.wait()
            if self._order:
                self._order.pop(0)
            self._here.notify_all()


class _Watched:
    def __init__(self, port: Any, turns: Turns) -> None:
        self._port = port
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            self._turns.step()
            return value(*arguments, **options)

        return call
