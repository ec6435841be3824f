"""The open WebSocket connections of this process, and what waits to be sent to each. Frames come from any thread and leave on the
loop."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Protocol

from websockets.frames import Frame, Opcode

from mailroom.ports import SocketBusy, SocketGone

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

MAX_WAITING = 1_000_000
"""Bytes that may wait for a client that reads slowly, and one frame more. Connections share the bytes of an event."""
CLOSING_S = 10
"""How long a client may take to read what was sent before the close frame."""

_log = logging.getLogger(__name__)


class Wire(Protocol):
    """A connection below ASGI, on the loop. Frames are the same for everybody, so each is encoded once and written at once: through
    ASGI a frame costs a task, and ten times as much."""

    writable: asyncio.Event
    """Whether the client reads fast enough for more."""

    def write(self, frame: bytes) -> None:
        """Raises OSError where the connection is closed, or closing."""

    def abort(self) -> None: ...


class Connection:
    """One client. `waiting`, `size`, `open` and `farewell` are guarded by the registry's lock, the rest is the loop's."""

    def __init__(self, connection_id: str, send: Send, wire: Wire) -> None:
        self.id = connection_id
        self.send = send
        self.wire = wire
        self.waiting: deque[bytes] = deque()
        self.size = 0
        self.open = True
        self.farewell: Message | None = None
        """What closes the connection, after all that waits."""
        self.started = False
        self.task: asyncio.Task[None] | None = None
        self.deadline: asyncio.TimerHandle | None = None


class LocalSockets:
    """Implements `ports.Sockets`."""

    def __init__(self) -> None:
        self._connections: dict[str, Connection] = {}
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return len(self._connections)

    def post(self, connection_id: str, text: str) -> None:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None or not connection.open:
                raise SocketGone
            if not _offer(connection, (_frame(text),)):
                raise SocketBusy
        self._wake([connection])

    def post_all(self, frames: Mapping[str, Sequence[str]]) -> list[str]:
        """One hop to the loop, however many connections there are."""
        encoded = {text: _frame(text) for text in {text for texts in frames.values() for text in texts}}
        lost: list[str] = []
        woken: list[Connection] = []
        with self._lock:
            for connection_id, texts in frames.items():
                connection = self._connections.get(connection_id)
                if connection is not None and connection.open and _offer(connection, [encoded[text] for text in texts]):
                    woken.append(connection)
                else:
                    lost.append(connection_id)
        self._wake(woken)
        return lost

    def close(self, connection_id: str, code: int, reason: str) -> None:
        with self._lock:
            connection = self._connections.get(connection_id)
            if connection is None or not connection.open:
                return
            connection.open = False
            connection.farewell = {"type": "websocket.close", "code": code, "reason": reason}
        self._wake([connection])

    # --- the gateway's side, on the loop ----------------------------------------------------------------------------------

    def add(self, connection_id: str, send: Send, wire: Wire) -> None:
        """From here on frames wait; `start` lets them go."""
        self._loop = asyncio.get_running_loop()
        with self._lock:
            self._connections[connection_id] = Connection(connection_id, send, wire)

    def start(self, connection_id: str) -> None:
        connection = self._connections[connection_id]
        connection.started = True
        self._drain_all([connection])

    def remove(self, connection_id: str) -> None:
        with self._lock:
            connection = self._connections.pop(connection_id)
            connection.open = False
            connection.waiting.clear()

    def _wake(self, connections: list[Connection]) -> None:
        if not connections:
            return
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._drain_all, connections)
        except RuntimeError:
            # The loop is closed: the server has stopped, and with it all connections.
            return

    def _drain_all(self, connections: Iterable[Connection]) -> None:
        assert self._loop is not None
        for connection in connections:
            if not connection.started:
                continue
            if not connection.open and connection.deadline is None:
                connection.deadline = self._loop.call_later(CLOSING_S, connection.wire.abort)
            if connection.task is None and not self._flush(connection):
                connection.task = self._loop.create_task(self._drain(connection))

    def _flush(self, connection: Connection) -> bool:
        """Writes as much as the client takes; whether nothing is left to do."""
        try:
            while connection.wire.writable.is_set() and (frame := self._next(connection)) is not None:
                connection.wire.write(frame)
        except OSError:
            self._give_up(connection)
        return not connection.waiting and connection.farewell is None

    async def _drain(self, connection: Connection) -> None:
        try:
            while not self._flush(connection):
                if connection.waiting:
                    await connection.wire.writable.wait()
                elif (farewell := connection.farewell) is not None:
                    connection.farewell = None
                    await connection.send(farewell)
        except (OSError, RuntimeError):
            self._give_up(connection)
        finally:
            connection.task = None

    def _give_up(self, connection: Connection) -> None:
        """The client is gone, or the server has closed the connection: the gateway hears of it in its own way."""
        with self._lock:
            connection.open = False
            connection.waiting.clear()
            connection.farewell = None

    def _next(self, connection: Connection) -> bytes | None:
        with self._lock:
            if not connection.waiting:
                return None
            frame = connection.waiting.popleft()
            connection.size -= len(frame)
            return frame


def _frame(text: str) -> bytes:
    """Ready for the wire (RFC 6455, 5.2): servers do not mask, and nothing is compressed."""
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=False, extensions=[])


def _offer(connection: Connection, frames: Sequence[bytes]) -> bool:
    for frame in frames:
        if connection.size > MAX_WAITING:
            return False
        connection.waiting.append(frame)
        connection.size += len(frame)
    return True
