"""Answers in the form API Gateway's proxy integration takes: status, headers, body. The one place that shapes an error."""

from __future__ import annotations

import base64
import json
from typing import Any, NamedTuple

from mailroom.errors import MailroomError, ValidationError

Answer = dict[str, Any]

_JSON = "application/json"


class Redirect(NamedTuple):
    """302 to a signed URL, for clients old enough to expect bytes (spec: messages.md, legacy)."""

    location: str


class Download(NamedTuple):
    """200 with a file of text."""

    text: str
    filename: str
    """Printable ASCII without quotes."""
    content_type: str


class Image(NamedTuple):
    """200 with bytes that nobody may cache. On AWS the media type must be among the API's binary ones in template.yaml."""

    content: bytes
    content_type: str


def success(value: Any, request_id: str) -> Answer:
    """200 with JSON, a Download's text or an Image, 204 for None, 302 for a Redirect."""
    headers = {"X-Request-Id": request_id}
    if value is None:
        return {"statusCode": 204, "headers": headers, "body": ""}
    if isinstance(value, Redirect):
        return {"statusCode": 302, "headers": {**headers, "Location": value.location}, "body": ""}
    if isinstance(value, Download):
        about = {"Content-Type": value.content_type, "Content-Disposition": f'attachment; filename="{value.filename}"'}
        return {"statusCode": 200, "headers": {**headers, **about}, "body": value.text}
    if isinstance(value, Image):
        about = {"Content-Type": value.content_type, "Cache-Control": "no-store, max-age=0", "Expires": "0"}
        body = base64.b64encode(value.content).decode()
        return {"statusCode": 200, "headers": {**headers, **about}, "body": body, "isBase64Encoded": True}
    return _json(200, value, headers)


def error_response(error: MailroomError, request_id: str, docs_url: str | None = None) -> Answer:
    """The envelope of spec/errors.md."""
    body: dict[str, Any] = {"name": error.name, "code": error.code, "message": error.message}
    if isinstance(error, ValidationError):
        body["errors"] = [{"path": list(part.path), "message": part.message} for part in error.errors]
    if error.fix:
        body["fix"] = error.fix
    if docs_url:
        body["docs"] = f"{docs_url}/errors#{error.code}"
    headers = {"X-Request-Id": request_id}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return _json(error.status, body, headers)


def _json(status: int, value: Any, headers: dict[str, str]) -> Answer:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return {"statusCode": status, "headers": {"Content-Type": _JSON, **headers}, "body": body}
