"""A webhook's receiver on this machine, which checks what it gets with the library that receivers use and answers as told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import svix

from tests.support.servers import serving


@dataclass
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class LocalReceiver:
    """`answers` are used up one by one, then everything is taken with 200."""

    url: str = ""
    secret: str | None = None
    """Where set, every request must verify."""
    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    hanging: threading.Event | None = None
    """Where set, nothing is answered before it happens."""
    gate: threading.Lock = field(default_factory=threading.Lock)

    def event_ids(self) -> list[str]:
        with self.gate:
            return [each.headers["svix-id"] for each in self.received]

    def answer(self, connection: socket.socket, request: bytes) -> None:
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line]
        got = Received({name.lower(): value for name, value in lines}, body)
        if got.headers.get("content-length") != str(len(body)):
            # Who sent it died in the middle.
            return
        self._verify(got)
        with self.gate:
            self.received.append(got)
            status = self.answers.pop(0) if self.answers else 200
        if self.hanging is not None:
            self.hanging.wait(30)
        connection.sendall(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())

    def _verify(self, got: Received) -> None:
        if self.secret is not None:
            try:
                svix.Webhook(self.secret).verify(got.body, got.headers)
            except svix.WebhookVerificationError as error:
                self.refused.append(str(error))


@contextlib.contextmanager
def receiving(**options: Any) -> Iterator[LocalReceiver]:
    receiver = LocalReceiver(**options)
    with serving(receiver.answer) as port:
        receiver.url = f"http://127.0.0.1:{port}/hook"
        yield receiver
        if receiver.hanging is not None:
            receiver.hanging.set()
