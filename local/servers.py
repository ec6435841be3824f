"""One event loop in a thread of its own that carries both listeners: HTTP and WebSockets (uvicorn) and SMTP (aiosmtpd)."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from typing import Any

import uvicorn
import uvloop

from local.server import KEEP_ALIVE_S, Protocol
from local.smtp import Reception, Server
from local.socket_protocol import MAX_FRAME_BYTES, PING_EVERY_S, PING_TIMEOUT_S, SocketProtocol

BACKLOG = 1024
_GRACE_S = 5


class PortError(Exception):
    """A port cannot be listened on; the text says which and why."""


def bind(host: str, port: int, setting: str) -> socket.socket:
    """Raises PortError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise PortError(f"cannot listen on {host} port {port} ({error.strerror}); choose another with {setting}") from error
    return sock


def authority(sock: socket.socket) -> str:
    """`host:port` under which a client on this machine reaches a listening socket."""
    host, port = sock.getsockname()[:2]
    host = reached(host)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reached(host: str) -> str:
    """Where a client on this machine finds what listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


class Servers:
    def __init__(self, app: Any, reception: Reception, *, http: socket.socket, smtp: socket.socket, max_mail_bytes: int) -> None:
        self._reception = reception
        self._sockets = (http, smtp)
        self._max_mail_bytes = max_mail_bytes
        self._connections: set[Server] = set()
        self._ready = threading.Event()
        self._http = uvicorn.Server(
            uvicorn.Config(
                app,
                http=Protocol,
                ws=SocketProtocol,
                ws_max_size=MAX_FRAME_BYTES,
                ws_ping_interval=PING_EVERY_S,
                ws_ping_timeout=PING_TIMEOUT_S,
                ws_per_message_deflate=False,
                lifespan="off",
                access_log=False,
                log_config=None,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=_GRACE_S,
                backlog=BACKLOG,
            )
        )
        self._thread = threading.Thread(target=self._run, name="servers", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Lets requests in work finish."""
        self._http.should_exit = True
        self._thread.join()

    def _run(self) -> None:
        loop = uvloop.new_event_loop()
        try:
            loop.run_until_complete(self._serve(loop))
        finally:
            self._ready.set()
            loop.close()

    async def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        http, smtp = self._sockets
        http.listen(BACKLOG)
        listener = await loop.create_server(
            lambda: Server(self._reception, self._connections, max_bytes=self._max_mail_bytes, loop=loop),
            sock=smtp,
            backlog=BACKLOG,
        )
        # The listening socket takes connections from here on; uvicorn picks them up as soon as its loop turns.
        self._ready.set()
        await self._http.serve([http])
        listener.close()
        await self._drain()

    async def _drain(self) -> None:
        for connection in list(self._connections):
            connection.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_GRACE_S):
                while self._connections:
                    await asyncio.sleep(0.01)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
