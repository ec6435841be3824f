"""uvicorn's WebSocket protocol with the close codes of the spec (websockets.md), and with connections that really end."""

from __future__ import annotations

import logging
from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

MAX_FRAME_BYTES = 128 * 1024
PING_EVERY_S = 20
PING_TIMEOUT_S = 20

_quiet = logging.getLogger("local.socket_protocol")
_quiet.setLevel(logging.WARNING)
"""At lower levels uvicorn logs the address of each upgrade, and websockets its headers and every frame: credentials, and mail."""


class SocketProtocol(WebSocketsSansIOProtocol):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.logger = self.conn.logger = _quiet

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            self.scope["state"]["wire"] = self

    def write(self, frame: bytes) -> None:
        """Raises ClientDisconnected."""
        if self.close_sent or self.disconnected or self.transport.is_closing():
            raise ClientDisconnected
        self.transport.write(frame)

    def abort(self) -> None:
        self.transport.abort()

    async def send(self, message: Any) -> None:
        """An upgrade that was refused is complete with its body; without this it would be logged as a failure."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body":
            self.handshake_complete = True

    def shutdown(self) -> None:
        """A deploy: 1001, after which clients connect again."""
        if self.handshake_complete and not self.close_sent and not self.disconnected:
            self.conn.send_close(1001, "Server is stopping")
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1001})
        super().shutdown()

    def keepalive_timeout(self) -> None:
        """Whoever does not answer pings does not read either: waiting for what is still unsent would never end."""
        super().keepalive_timeout()
        self.transport.abort()
