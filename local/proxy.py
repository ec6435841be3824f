"""API Gateway's Lambda proxy integration (REST, payload 1.0): a request as an event, a handler's answer as a response."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from local.routing import Match

STAGE = "v0"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    """Without the stage, undecoded."""
    query: bytes
    headers: Iterable[tuple[bytes, bytes]]
    client: str
    body: bytes
    request_id: str


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    headers: Headers
    body: bytes


def event(request: Request, match: Match) -> dict[str, Any]:
    headers = _multi((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
    query = _multi(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True, errors="replace"))
    body, encoded = _body(request.body)
    return {
        "resource": match.resource,
        "path": request.path,
        "httpMethod": request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "requestId": request.request_id,
            "resourcePath": match.resource,
            "path": f"/{STAGE}{request.path}",
            "stage": STAGE,
            "httpMethod": request.method,
            "protocol": "HTTP/1.1",
            "identity": {"sourceIp": request.client},
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def response(answer: dict[str, Any]) -> Response:
    """Raises KeyError, TypeError or ValueError for what is not a proxy response."""
    body = answer.get("body") or ""
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode("utf-8")
    headers: Headers = [
        (name.lower().encode("latin-1"), str(value).encode("latin-1")) for name, value in (answer.get("headers") or {}).items()
    ]
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers.extend((name.lower().encode("latin-1"), str(value).encode("latin-1")) for value in values)
    status = int(answer["statusCode"])
    if status == 204:
        return Response(status, headers, b"")
    headers.append((b"content-length", str(len(raw)).encode("ascii")))
    return Response(status, headers, raw)


def _body(raw: bytes) -> tuple[str | None, bool]:
    if not raw:
        return None, False
    try:
        return raw.decode("utf-8"), False
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode("ascii"), True


def _multi(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
