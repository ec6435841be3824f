"""The WebSocket API of one machine: what API Gateway does with a connection, as ASGI. The template's routes `$connect`, `$default`
and `$disconnect` are called with its events; a client's frames one after the other."""

from __future__ import annotations

import asyncio
import base64
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from local import proxy
from local.sockets import LocalSockets
from mailroom.clock import Clock
from mailroom.errors import InternalError, MailroomError, NotFound, ServiceUnavailable
from mailroom.http.answers import error_response
from mailroom.ports import LONGEST_CONNECTION_MS

if TYPE_CHECKING:
    from local.invoke import Call
    from local.template import Function

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Event = dict[str, Any]

PATHS = (f"/{proxy.STAGE}", f"/{proxy.STAGE}/")
MAX_CONNECTING = 500

_log = logging.getLogger(__name__)


class SocketGateway:
    def __init__(
        self,
        routes: Mapping[str, Function],
        *,
        call: Call,
        sockets: LocalSockets,
        executor: Executor,
        clock: Clock,
        docs_url: str | None,
    ) -> None:
        self._routes = routes
        self._call = call
        self._sockets = sockets
        self._executor = executor
        self._clock = clock
        self._docs_url = docs_url
        self._connecting = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        request = Upgrade(scope, self._clock())
        if scope["raw_path"].decode("ascii") not in PATHS or not self._routes:
            await _refuse(self._refusal(NotFound(), request), send)
            return
        self._sockets.add(request.connection_id, send, scope["state"]["wire"])
        try:
            answer = await self._connect(request)
            if answer["statusCode"] != 200:
                await _refuse(answer, send)
                return
            await self._converse(request, receive, send)
        finally:
            self._sockets.remove(request.connection_id)

    async def _connect(self, request: Upgrade) -> Event:
        if self._connecting >= MAX_CONNECTING:
            return self._refusal(ServiceUnavailable(retry_after=1), request)
        self._connecting += 1
        try:
            return dict(await self._invoke("$connect", request.connect_event()))
        except Exception:  # noqa: BLE001 - a crash of one handler is one 500, as in Lambda
            _log.exception("handler crashed", extra={"route": "$connect"})
            return self._refusal(InternalError(), request)
        finally:
            self._connecting -= 1

    async def _converse(self, request: Upgrade, receive: Receive, send: Send) -> None:
        loop = asyncio.get_running_loop()
        too_old = loop.call_later(LONGEST_CONNECTION_MS / 1000, self._sockets.close, request.connection_id, 1001, "Connect again")
        try:
            await send({"type": "websocket.accept"})
            self._sockets.start(request.connection_id)
            while (message := await receive())["type"] == "websocket.receive":
                await self._quietly("$default", request.message_event(message))
        except OSError:
            # The client left before it was let in.
            return
        finally:
            too_old.cancel()
            await self._quietly("$disconnect", request.disconnect_event())

    async def _quietly(self, route: str, event: Event) -> None:
        try:
            await self._invoke(route, event)
        except Exception:  # noqa: BLE001 - whatever a handler raises, the connection goes on
            _log.exception("handler crashed", extra={"route": route})

    async def _invoke(self, route: str, event: Event) -> Any:
        loop, function = asyncio.get_running_loop(), self._routes[route]
        return await loop.run_in_executor(self._executor, self._call, function, event, event["requestContext"]["requestId"])

    def _refusal(self, error: MailroomError, request: Upgrade) -> Event:
        return error_response(error, request.connection_id, self._docs_url)


class Upgrade:
    """A connection as the events of API Gateway's WebSocket APIs describe it."""

    def __init__(self, scope: Scope, now: int) -> None:
        self.connection_id = uuid.uuid4().hex
        self._scope = scope
        self._connected_at = now

    def connect_event(self) -> Event:
        headers: dict[str, list[str]] = {}
        for name, value in self._scope["headers"]:
            headers.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
        query: dict[str, list[str]] = {}
        for key, text in parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True, errors="replace"):
            query.setdefault(key, []).append(text)
        return {
            "headers": {name: values[-1] for name, values in headers.items()},
            "multiValueHeaders": headers,
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "requestContext": self._context("$connect", "CONNECT"),
            "isBase64Encoded": False,
        }

    def message_event(self, message: Mapping[str, Any]) -> Event:
        text = message.get("text")
        body = base64.b64encode(message["bytes"]).decode("ascii") if text is None else text
        context = {**self._context("$default", "MESSAGE"), "messageId": uuid.uuid4().hex}
        return {"requestContext": context, "body": body, "isBase64Encoded": text is None}

    def disconnect_event(self) -> Event:
        return {"requestContext": self._context("$disconnect", "DISCONNECT"), "isBase64Encoded": False}

    def _context(self, route: str, kind: str) -> Event:
        client = self._scope["client"]
        return {
            "routeKey": route,
            "eventType": kind,
            "connectionId": self.connection_id,
            "connectedAt": self._connected_at,
            "requestId": str(uuid.uuid4()),
            "messageDirection": "IN",
            "stage": proxy.STAGE,
            "apiId": "local",
            "domainName": "localhost",
            "identity": {"sourceIp": client[0] if client else ""},
        }


async def _refuse(answer: Event, send: Send) -> None:
    """Answers the upgrade like any other request."""
    response = proxy.response(answer)
    await send({"type": "websocket.http.response.start", "status": response.status, "headers": response.headers})
    await send({"type": "websocket.http.response.body", "body": response.body})
