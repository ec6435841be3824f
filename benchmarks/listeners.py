"""Clients of a WebSocket that cost little enough to leave the processor to the server: RFC 6455 as far as one needs to listen."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from benchmarks.servers import Server

PER_KEY = 1000
"""Connections (spec: limits.md)."""

_TEXT, _PING, _PONG = 1, 9, 10
_TOGETHER = 50


class Listener(asyncio.Protocol):
    """Subscribes to everything; `heard` gets each frame after the first, with the time of its arrival."""

    def __init__(self, authority: str, api_key: str, heard: Callable[[bytes, float], None]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._request = (
            f"GET /v0 HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nAuthorization: Bearer {api_key}\r\n\r\n"
        )
        self._heard = heard
        self._buffer = b""
        self._open = False
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request.encode())

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer += data
        if not self._open:
            head, end, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not end:
                self._buffer = head
                return
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self.subscribed.set_exception(RuntimeError(head.decode()))
                return
            self._open = True
            self._transport.write(_frame(_TEXT, json.dumps({"type": "subscribe"}).encode()))
        while (end_of := self._end()) is not None:
            self._take(end_of, now)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.subscribed.done():
            self.subscribed.set_exception(ConnectionError("closed before it was subscribed"))

    def close(self) -> None:
        self._transport.abort()

    def _end(self) -> tuple[int, int] | None:
        """Where the payload of the first whole frame begins and ends. Servers do not mask."""
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        start, length = 2, buffer[1]
        if length > 125:
            start = 4 if length == 126 else 10
            length = int.from_bytes(buffer[2:start])
        return (start, start + length) if len(buffer) >= max(start, start + length) else None

    def _take(self, place: tuple[int, int], now: float) -> None:
        start, end = place
        opcode, payload, self._buffer = self._buffer[0] & 15, self._buffer[start:end], self._buffer[end:]
        if opcode == _PING:
            self._transport.write(_frame(_PONG, payload))
        elif opcode == _TEXT and self.subscribed.done():
            self._heard(payload, now)
        elif opcode == _TEXT:
            self.subscribed.set_result(None)


def _frame(opcode: int, payload: bytes) -> bytes:
    """At most 125 bytes, masked with zeros."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


@asynccontextmanager
async def listening(server: Server, count: int, heard: Callable[[bytes, float], None]) -> AsyncIterator[None]:
    """That many sockets, at most 1,000 to a key."""
    target = urlsplit(server.http)
    api_keys = [server.api_key]
    while len(api_keys) * PER_KEY < count:
        api_keys.append(server.call("POST", "/api-keys", {"name": "more"})["api_key"])
    loop = asyncio.get_running_loop()
    opened: list[Listener] = []

    async def opening(number: int) -> None:
        def new() -> Listener:
            return Listener(target.netloc, api_keys[number // PER_KEY], heard)

        _, listener = await loop.create_connection(new, str(target.hostname), int(target.port or 80))
        opened.append(listener)
        await listener.subscribed

    try:
        for start in range(0, count, _TOGETHER):
            await asyncio.gather(*map(opening, range(start, min(start + _TOGETHER, count))))
        yield
    finally:
        for listener in opened:
            listener.close()
