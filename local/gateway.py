"""The HTTP side of one machine as an ASGI application: the template's routes under `/v0`, its WebSocket API at `/v0`, and
signed downloads under `/blobs`.

Plain ASGI: what a request costs here is a dictionary and a hop to a worker thread.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from local import links, proxy
from local.downloads import Downloads
from mailroom.errors import (
    InternalError,
    MailroomError,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    ValidationError,
)
from mailroom.http.answers import error_response

if TYPE_CHECKING:
    from local.invoke import Call
    from local.routing import Router
    from local.socket_gateway import SocketGateway

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_IN_FLIGHT = 500
BODY_TIMEOUT_S = 120
_PREFIX = f"/{proxy.STAGE}/"

_log = logging.getLogger(__name__)


class _Gone(Exception):
    """The client went away while it was sending."""


class Gateway:
    def __init__(
        self,
        router: Router,
        *,
        call: Call,
        downloads: Downloads,
        executor: Executor,
        max_body_bytes: int,
        docs_url: str | None,
        sockets: SocketGateway | None = None,
    ) -> None:
        self._router = router
        self._call = call
        self._downloads = downloads
        self._executor = executor
        self._max_body_bytes = max_body_bytes
        self._docs_url = docs_url
        self._sockets = sockets
        self._in_flight = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            assert self._sockets is not None
            await self._sockets.serve(scope, receive, send)
            return
        assert scope["type"] == "http"
        path = scope["raw_path"].decode("ascii")
        request_id = str(uuid.uuid4())
        try:
            if path.startswith(links.PATH):
                await self._download(path[len(links.PATH) :], scope, send, request_id)
                return
            response = await self._answer(path, scope, receive, request_id)
        except _Gone:
            return
        except MailroomError as error:
            response = self._refusal(error, request_id)
        await _send(response, send)

    async def _download(self, token: str, scope: Scope, send: Send, request_id: str) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            raise MethodNotAllowed
        await self._downloads.serve(token, scope, send, request_id)

    async def _answer(self, path: str, scope: Scope, receive: Receive, request_id: str) -> proxy.Response:
        match = self._router.match(path[len(_PREFIX) - 1 :]) if path.startswith(_PREFIX) else None
        if match is None:
            raise NotFound
        function = match.function(scope["method"])
        if function is None:
            raise MethodNotAllowed
        if self._in_flight >= MAX_IN_FLIGHT:
            raise ServiceUnavailable(retry_after=1)
        self._in_flight += 1
        try:
            body = await self._body(scope, receive)
            client = scope["client"][0] if scope["client"] else ""
            request = proxy.Request(
                scope["method"], path[len(_PREFIX) - 1 :], scope["query_string"], scope["headers"], client, body, request_id
            )
            event = proxy.event(request, match)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self._invoke, function, event, request_id)
        finally:
            self._in_flight -= 1

    def _invoke(self, function: Any, event: dict[str, Any], request_id: str) -> proxy.Response:
        try:
            return proxy.response(self._call(function, event, request_id))
        except Exception:  # noqa: BLE001 - a crash of one handler is one 500, as in Lambda
            _log.exception("handler crashed", extra={"function": function.name, "request_id": request_id})
            return self._refusal(InternalError(), request_id)

    def _refusal(self, error: MailroomError, request_id: str) -> proxy.Response:
        return proxy.response(error_response(error, request_id, self._docs_url))

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Raises PayloadTooLarge before more than the limit is kept; the server goes on reading what the client still sends."""
        if _declared_length(scope) > self._max_body_bytes:
            raise PayloadTooLarge
        try:
            async with asyncio.timeout(BODY_TIMEOUT_S):
                return await self._read(receive)
        except TimeoutError:
            raise ValidationError.at((), "The request body did not arrive in time") from None

    async def _read(self, receive: Receive) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > self._max_body_bytes:
                raise PayloadTooLarge
            chunks.append(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)


def _declared_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


async def _send(response: proxy.Response, send: Send) -> None:
    await send({"type": "http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "http.response.body", "body": response.body})
