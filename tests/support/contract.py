"""Strict check of an answer against contract.json and spec/errors.md: what an SDK would tolerate is still reported.

Stricter than any client: required fields present, exact types and formats, only listed enum values, no nulls, no unknown fields
but the documented extras.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

CONTRACT = Path(__file__).parent.parent / "contract.json"
EXTENSIONS = Path(__file__).parent.parent / "extensions"
"""What this service has beyond the contract, in the contract's form: endpoints, whose `sdk_method` is null, and body fields of the
contract's endpoints by their `sdk_method`, further `fields` of its models by their name."""

EVENTS = (
    *(f"Message{what}" for what in ("Received", "Sent", "Delivered", "Bounced", "Complained", "Rejected", "Opened")),
    "DomainVerified",
    "DraftCancelled",
)
LISTED_DRAFT = {"thread_id": "string", "cancel_on": "CancelOn", "cancelled_at": "datetime", "cancel_reason": "CancelOn"}
EXTRAS = {
    "Attachment": {"inline": "boolean"},
    "AttachmentResponse": {"inline": "boolean"},
    **{f"{name}Event": {"position": "integer"} for name in EVENTS},
    "Subscribed": {"position": "integer"},
    "Error": {"code": "string", "fix": "string"},
    "ListEntry": {"pod_id": "string", "inbox_id": "string"},
    "Draft": {**LISTED_DRAFT, "send_error": "SendError", "force": "boolean"},
    "DraftItem": LISTED_DRAFT,
    "Pod": {"description": "string", "inbox_ids": "list<string>", "inbox_count": "integer"},
}
"""Fields that contract.json lacks: messages.md (legacy `inline`), pods.md (seed extras), drafts.md (legacy `thread_id`), the
position of events in the log, what drafts have beyond the original, the scope of a list entry where a key of narrow scope leaves it
out of the path."""

FURTHER_ANSWERS = {"pods.api_keys.create": "CreateApiKeyResult"}
"""The contract's body takes a public key there, too, and its answer leaves out what that leads to."""

STATUS_OF_CODE = {
    "missing_authorization": 401,
    "invalid_token_type": 401,
    "unknown_api_key": 401,
    "api_key_expired": 401,
    "unauthorized": 401,
    "missing_permission": 403,
    "permission_escalation": 403,
    "unrestricted_key_required": 403,
    "forbidden": 403,
    "message_rejected": 403,
    "loop_detected": 403,
    "inbox_paused": 403,
    "domain_not_verified": 403,
    "resource_taken": 403,
    "already_exists": 403,
    "limit_exceeded": 403,
    "cannot_delete": 403,
    "validation_error": 400,
    "query_range_too_wide": 400,
    "position_expired": 400,
    "not_found": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "race_condition": 409,
    "resource_deleting": 409,
    "payload_too_large": 413,
    "unprocessable": 422,
    "rate_limit_exceeded": 429,
    "service_unavailable": 503,
}
"""`internal_error` is missing on purpose: it never is the right answer."""

FURTHER_STATUSES = {("limit_exceeded", 409)}
"""Replacing an agent's human too often (errors.md)."""

NAME_OF_CODE = {
    "missing_permission": "ForbiddenError",
    "permission_escalation": "ForbiddenError",
    "unrestricted_key_required": "ForbiddenError",
    "forbidden": "ForbiddenError",
    "message_rejected": "MessageRejectedError",
    "resource_taken": "IsTakenError",
    "validation_error": "ValidationError",
    "not_found": "NotFoundError",
    "conflict": "ConflictError",
    "unprocessable": "UnprocessableError",
}
"""The names the public product shows; the others are ours."""

_DATETIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FORMATS = {
    **dict.fromkeys(("pod_id", "thread_id", "draft_id", "api_key_id", "organization_id", "attachment_id"), _UUID),
    **dict.fromkeys(("inbox_id", "email"), re.compile(r"[^\sA-Z@]+@[^\sA-Z@]+")),
    "webhook_id": re.compile(r"ep_\S+"),
    "event_id": re.compile(r"evt_\S+"),
    "api_key": re.compile(r"am_(?!eu_)\S{16,}"),
}
_MISSING = object()


class ContractViolation(AssertionError):
    """The answer is not what the contract promises; the text lists every difference."""


def check(method: str, path: str, status: int, body: Any = None) -> None:
    """`body` is the decoded JSON, None for an empty body. Raises ContractViolation."""
    found = list(problems(method, path, status, body))
    if found:
        raise ContractViolation(f"{method} {path} -> {status}:\n" + "\n".join(f"  {line}" for line in found))


def decoded(content: bytes, content_type: str) -> Any:
    """The JSON of an answer; None for an empty body, and for a file."""
    return json.loads(content) if content and not content_type.startswith("text/") else None


def problems(method: str, path: str, status: int, body: Any = None) -> Iterator[str]:
    """Every difference between an answer and the contract."""
    if status >= 400:
        yield from _error(status, body)
        return
    endpoint = find_endpoint(method, path)
    if endpoint is None:
        yield "no such endpoint in the contract"
    elif endpoint["response_type"] is None:
        yield from _expect(status == 204, f"status {status} instead of 204")
        yield from _expect(body is None, "a body where none is promised")
    elif status == 302:
        yield from _expect(endpoint["response_type"] == "AttachmentResponse" or path.endswith("/raw"), "unexpected redirect")
    else:
        yield from _expect(status in _success(endpoint), f"status {status} instead of 200")
        if endpoint["response_type"] != "bytes stream":
            yield from _value(FURTHER_ANSWERS.get(endpoint["sdk_method"], endpoint["response_type"]), body, "body", {})


def event_problems(event: dict[str, Any]) -> Iterator[str]:
    """Every difference between an event and its model, as every channel sends it."""
    for name in EVENTS:
        fields = {field["name"]: field for field in contract()["models"][f"{name}Event"]["fields"]}
        kind = fields["event_type"]
        if event["event_type"] in kind.get("enum", [kind.get("literal")]):
            return _model(f"{name}Event", event, "event")
    return iter([f"{event['event_type']} is not an event type"])


def frame_problems(frame: dict[str, Any]) -> Iterator[str]:
    """Every difference between what a socket was sent and the models of its kind."""
    models = {"subscribed": "Subscribed", "error": "Error"}
    if frame.get("type") in models:
        return _model(models[frame["type"]], frame, "frame")
    return event_problems(frame)


@cache
def contract() -> dict[str, Any]:
    """contract.json with the extensions."""
    loaded: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    for path in sorted(EXTENSIONS.glob("*.json")):
        extension = json.loads(path.read_text(encoding="utf-8"))
        for name, added in extension.get("values", {}).items():
            _widen(loaded, [*loaded["models"][name]["values"]], added)
        loaded["endpoints"] += extension["endpoints"]
        loaded["models"] |= extension["models"]
        for name, fields in extension.get("fields", {}).items():
            loaded["models"][name]["fields"] += fields
        for endpoint in loaded["endpoints"]:
            endpoint["body_fields"] += extension.get("body_fields", {}).get(endpoint["sdk_method"], [])
    return loaded


def _widen(part: Any, known: list[str], added: list[str]) -> None:
    """An extension's further values of an enum, also where the contract lists its values again instead of naming it."""
    if part == known:
        part.extend(added)
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            _widen(each, known, added)


def find_endpoint(method: str, path: str) -> dict[str, Any] | None:
    """The endpoint of a request path, literal segments first; a message id may span segments."""
    path = path.split("?")[0]
    for pattern, endpoint in _routes():
        if endpoint["method"] == method and pattern.fullmatch(path):
            return endpoint
    return None


@cache
def _routes() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    endpoints = sorted(contract()["endpoints"], key=_literal_segments, reverse=True)
    return [(re.compile(_pattern(endpoint["path"])), endpoint) for endpoint in endpoints]


def _literal_segments(endpoint: dict[str, Any]) -> int:
    return sum(not part.startswith("{") for part in endpoint["path"].split("/"))


def _pattern(path: str) -> str:
    parts = re.split(r"(\{\w+\})", path)
    return "".join({"{": ".+" if part == "{message_id}" else "[^/]+"}.get(part[:1], re.escape(part)) for part in parts)


def _success(endpoint: dict[str, Any]) -> set[int]:
    return {200, 201, 202} if endpoint["family"] in ("calendar", "files", "apps") else {200}


# --- values by type -----------------------------------------------------------------------------------------------------


def _value(kind: str, value: Any, where: str, field: dict[str, Any]) -> Iterator[str]:
    members = _split(kind)
    if len(members) > 1:
        yield from _union(members, value, where, field)
    elif kind.startswith("list<"):
        yield from _list(kind[5:-1], value, where, field)
    elif kind.startswith("map<"):
        yield from _map(kind[4:-1], value, where, field)
    elif kind in _SCALARS:
        yield from _expect(_SCALARS[kind](value), f"{where}: {value!r} is not a {kind}")
    elif kind == "enum":
        yield from _expect(value in field["enum"], f"{where}: {value!r} is not one of {field['enum']}")
    elif kind == "literal":
        yield from _expect(value == field["literal"], f"{where}: {value!r} is not {field['literal']!r}")
    else:
        yield from _model(kind, value, where)


def _model(name: str, value: Any, where: str) -> Iterator[str]:
    model = contract()["models"][name]
    if model["kind"] == "union":
        yield from _union(model["members"], value, where, {})
    elif model["kind"] == "enum":
        yield from _expect(value in model["values"], f"{where}: {value!r} is not one of {model['values']}")
    elif model["kind"] in ("map", "alias"):
        yield from _value(model["type"], value, where, {"enum": model.get("key_enum")})
    else:
        yield from _object(name, model["fields"], value, where)


def _object(name: str, fields: list[dict[str, Any]], value: Any, where: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is not an object ({name})"
        return
    extras = EXTRAS.get(name, {})
    known = {field["name"] for field in fields} | extras.keys()
    yield from (f"{where}.{unknown}: not a field of {name}" for unknown in value.keys() - known)
    for field in [*fields, *({"name": extra, "type": kind, "optional": True} for extra, kind in extras.items())]:
        yield from _field(field, value.get(field["name"], _MISSING), f"{where}.{field['name']}")


def _field(field: dict[str, Any], value: Any, where: str) -> Iterator[str]:
    if value is _MISSING:
        yield from _expect(field["optional"], f"{where}: missing")
    elif value is None:
        yield from _expect(field.get("nullable", False), f"{where}: null")
    else:
        yield from _value(field["type"], value, where, field)
        pattern = _FORMATS.get(field["name"])
        if pattern and isinstance(value, str):
            yield from _expect(pattern.fullmatch(value) is not None, f"{where}: {value!r} has another form than {pattern.pattern}")


def _list(kind: str, value: Any, where: str, field: dict[str, Any]) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{where}: {value!r} is not a list"
        return
    for index, part in enumerate(value):
        yield from _value(kind, part, f"{where}[{index}]", field)


def _map(kinds: str, value: Any, where: str, field: dict[str, Any]) -> Iterator[str]:
    key_kind, value_kind = kinds.split(",", 1)
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is not an object"
        return
    for key, part in value.items():
        yield from _value(key_kind, key, f"{where} key", field)
        yield from _value(value_kind, part, f"{where}.{key}", field)


def _union(members: list[str], value: Any, where: str, field: dict[str, Any]) -> Iterator[str]:
    """The differences from the member that comes nearest."""
    yield from min((list(_value(member, value, where, field)) for member in members), key=len)


def _split(kind: str) -> list[str]:
    """The members of `a | b`, leaving those inside brackets alone."""
    parts, depth = [""], 0
    for token in re.findall(r"<|>| \| |[^<> |]+| |\|", kind):
        depth += (token == "<") - (token == ">")
        if token == " | " and depth == 0:
            parts.append("")
        else:
            parts[-1] += token
    return parts


_SCALARS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "boolean": lambda value: type(value) is bool,
    "datetime": lambda value: isinstance(value, str) and _DATETIME.fullmatch(value) is not None,
    "uuid": lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None,
    "null": lambda value: value is None,
    "any": lambda value: True,
}


# --- errors -------------------------------------------------------------------------------------------------------------


def _error(status: int, body: Any) -> Iterator[str]:
    if not isinstance(body, dict):
        yield f"the error is not an object: {body!r}"
        return
    known = {"name": "string", "code": "string", "message": "string", "fix": "string", "docs": "string", "errors": "any"}
    fields = [{"name": name, "type": kind, "optional": name in ("fix", "docs", "errors")} for name, kind in known.items()]
    yield from _object("error", fields, body, "error")
    code = body.get("code")
    if code in STATUS_OF_CODE:
        yield from _expect(
            STATUS_OF_CODE[code] == status or (code, status) in FURTHER_STATUSES, f"code {code} under status {status}"
        )
        yield from _expect(NAME_OF_CODE.get(code, body.get("name")) == body.get("name"), f"code {code} named {body.get('name')}")
    else:
        yield f"code {code!r} is not a code of errors.md"
    yield from _expect(bool(body.get("message")), "error.message: empty")
    yield from _expect(("errors" in body) == (status == 400), f"errors list {'missing' if status == 400 else 'unexpected'}")
    yield from _field_errors(body.get("errors", []))


def _field_errors(errors: Any) -> Iterator[str]:
    if not isinstance(errors, list) or len(errors) > 50:
        yield "error.errors: not a list of at most 50"
        return
    for index, part in enumerate(errors):
        where = f"error.errors[{index}]"
        if not isinstance(part, dict) or part.keys() != {"path", "message"}:
            yield f"{where}: {part!r} is not {{path, message}}"
            continue
        steps = part["path"] if isinstance(part["path"], list) else [None]
        yield from _expect(all(type(step) in (str, int) for step in steps), f"{where}.path: {part['path']!r}")
        yield from _expect(isinstance(part["message"], str) and bool(part["message"]), f"{where}.message: empty")


def _expect(holds: bool, text: str) -> Iterator[str]:
    if not holds:
        yield text
