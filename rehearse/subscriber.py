"""A client of the WebSocket API: the SDK's socket, read in the background."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from agentmail import AgentMail, Subscribe
from websockets.exceptions import ConnectionClosed

from rehearse.stage import until


class Subscriber:
    """`frames`: what came in, as the SDK decodes it."""

    def __init__(self, connection: Any) -> None:
        self.frames: list[Any] = []
        self._connection = connection
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def events(self) -> list[Any]:
        return [frame for frame in self.frames if frame.type == "event"]

    def event(self, event_type: str) -> Any:
        return until(
            lambda: next((each for each in self.events() if each.event_type == event_type), None), f"a frame: {event_type}"
        )

    def subscribe(self, **filters: Any) -> None:
        self._connection.send_subscribe(Subscribe(**filters))
        until(lambda: True if any(frame.type == "subscribed" for frame in self.frames) else None, "the subscription is confirmed")

    def cut(self) -> None:
        """As a network does it: without a word to either side."""
        self._connection._websocket.socket.shutdown(socket.SHUT_RDWR)
        self.await_end()

    def await_end(self) -> None:
        until(lambda: None if self._thread.is_alive() else True, "the socket is closed")

    def _read(self) -> None:
        try:
            while True:
                self.frames.append(self._connection.recv())
        except ConnectionClosed:
            return


@contextmanager
def subscribed(client: AgentMail, **filters: Any) -> Iterator[Subscriber]:
    with client.websockets.connect() as connection:
        subscriber = Subscriber(connection)
        subscriber.subscribe(**filters)
        yield subscriber
