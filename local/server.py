"""uvicorn's HTTP protocol with what it leaves open: a limit and a deadline for a request's head, errors in our envelope."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
HEAD_TIMEOUT_S = 30
KEEP_ALIVE_S = 65
"""Above the 60 s that clients and proxies commonly keep an idle connection."""

_BAD_REQUEST = json.dumps(
    {
        "name": "ValidationError",
        "code": "validation_error",
        "message": "The request is not valid HTTP",
        "errors": [{"path": [], "message": "The request is not valid HTTP"}],
    }
).encode()


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._deadline is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._deadline is not None and self._head_bytes > MAX_HEAD_BYTES:
            self.send_400_response("The head of the request is too large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:
            self._arm()

    def on_headers_complete(self) -> None:
        self._disarm()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        head = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "
        length_and_id = f"{len(_BAD_REQUEST)}\r\nx-request-id: {uuid.uuid4()}\r\n\r\n".encode()
        if not self.transport.is_closing():
            self.transport.write(head + length_and_id + _BAD_REQUEST)
            self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """Not worth a warning: the request is answered as what it is without the upgrade."""

    def _arm(self) -> None:
        self._head_bytes = 0
        self._deadline = self.loop.call_later(HEAD_TIMEOUT_S, self.transport.close)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
