"""openapi.yaml from the routes of template.yaml and the shapes of contract.json and of extensions/.

`python -m tests.openapi` writes it anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from local.template import Route, load
from mailroom.errors import MailroomError
from tests.support.contract import contract

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "openapi.yaml"
CONTRACT: Mapping[str, Any] = contract()
BASE: str = CONTRACT["base_path"]

HEADER = "# Generated from template.yaml, tests/contract.json and tests/extensions by `make openapi`; a test compares.\n"
PRIMITIVES: Mapping[str, Mapping[str, str]] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "uuid": {"type": "string", "format": "uuid"},
    "datetime": {"type": "string", "format": "date-time"},
    "null": {"type": "null"},
    "any": {},
}

Schema = dict[str, Any]


class Undescribed(Exception):
    """The template has a route that neither contract.json nor an extension knows."""


def document() -> Schema:
    """Raises Undescribed."""
    paths: dict[str, Schema] = {}
    wanted: set[str] = set()
    for route in described_routes():
        operation = _operation(route, wanted)
        paths.setdefault(route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Mailroom", "version": _version(), "description": "Email infrastructure for AI agents."},
        "servers": [{"url": f"https://{{host}}{BASE}", "variables": {"host": {"default": "api.example.com"}}}],
        "security": [{"apiKey": []}],
        "paths": {path: paths[path] for path in sorted(paths)},
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "An API key, `am_...`"}},
            "responses": {"Error": _error_response()},
            "schemas": _schemas(wanted),
        },
    }


@cache
def described_routes() -> tuple[Route, ...]:
    """All but the paths that only take in ids with raw slashes, which are the same operations, and those where nothing is, whatever
    the method."""
    return tuple(route for route in load(ROOT / "template.yaml").routes if "+}" not in route.path and route.method != "ANY")


@cache
def telling_routes() -> tuple[Route, ...]:
    """Those that answer one caller this and another that: all but the pixel's."""
    return tuple(route for route in described_routes() if endpoint_of(route)["family"] != "tracking")


def operation_id(route: Route) -> str:
    """The function's name; a variant of another scope says so."""
    name = route.function.module.rsplit(".", 1)[1]
    first = next(other for other in described_routes() if other.function == route.function)
    return name if first == route else f"{name}_of_{'pod' if '{pod_id}' in route.path else 'inbox'}"


def endpoint_of(route: Route) -> Mapping[str, Any]:
    for endpoint in CONTRACT["endpoints"]:
        if endpoint["method"] == route.method and endpoint["path"] == BASE + route.path:
            return dict(endpoint)
    raise Undescribed(f"{route.method} {route.path}")


def _operation(route: Route, wanted: set[str]) -> Schema:
    endpoint = endpoint_of(route)
    in_path = [{"name": name, "type": "string", "required": True} for name in re.findall(r"{(\w+)}", route.path)]
    parameters = [_parameter(field, "path", wanted) for field in in_path]
    for place, listed in (("query", endpoint["query"]), ("header", endpoint["header_params"])):
        parameters += [_parameter(field, place, wanted) for field in listed]
    operation: Schema = {"operationId": operation_id(route), "tags": [endpoint["family"]]}
    if not endpoint.get("auth", True):
        operation["security"] = []
    if endpoint["permission"]:
        operation["description"] = f"Permission: `{endpoint['permission']}`."
    if parameters:
        operation["parameters"] = parameters
    if endpoint["body_fields"]:
        operation["requestBody"] = _request_body(endpoint, wanted)
    operation["responses"] = _responses(endpoint, wanted)
    return operation


def _parameter(field: Mapping[str, Any], place: str, wanted: set[str]) -> Schema:
    schema = type_schema(field["type"], field, wanted)
    parameter = {"name": field["name"], "in": place, "required": field["required"]}
    if place == "query" and field["type"].startswith("list<"):
        # The SDKs send one key that holds a JSON array.
        return {**parameter, "content": {"application/json": {"schema": schema}}}
    return {**parameter, "schema": schema}


def _request_body(endpoint: Mapping[str, Any], wanted: set[str]) -> Schema:
    fields = endpoint["body_fields"]
    schema: Schema = {"type": "object", "properties": {field["name"]: _field(field, wanted) for field in fields}}
    if required := [field["name"] for field in fields if field["required"]]:
        schema["required"] = required
    return {"required": endpoint.get("body_required", False), "content": {"application/json": {"schema": schema}}}


def _responses(endpoint: Mapping[str, Any], wanted: set[str]) -> Schema:
    if endpoint["response_type"] is None:
        answer: Schema = {"204": {"description": "Done."}}
    elif endpoint["response_type"] == "bytes stream":
        answer = {"200": {"description": "A file.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
    else:
        answer = {"200": {"description": "OK", "content": _content(endpoint, wanted)}}
    return answer | {"default": {"$ref": "#/components/responses/Error"}}


def _content(endpoint: Mapping[str, Any], wanted: set[str]) -> Schema:
    """By media type."""
    if endpoint["response_type"] == "bytes stream":
        return {endpoint.get("media_type", "text/plain"): {"schema": {"type": "string"}}}
    return {"application/json": {"schema": type_schema(endpoint["response_type"], {}, wanted)}}


def _field(field: Mapping[str, Any], wanted: set[str]) -> Schema:
    schema = type_schema(field["type"], field, wanted)
    return {"anyOf": [schema, {"type": "null"}]} if field.get("nullable") else schema


def type_schema(kind: str, field: Mapping[str, Any], wanted: set[str]) -> Schema:
    """Of a type as contract.json writes it: `list<X>`, `map<K,V>`, `A | B`, a primitive, an enum, a literal or a model's name."""
    if len(members := list(_members(kind))) > 1:
        return {"anyOf": [type_schema(member, field, wanted) for member in members]}
    if match := re.fullmatch(r"list<(.*)>", kind):
        return {"type": "array", "items": type_schema(match[1], field, wanted)}
    if match := re.fullmatch(r"map<string,(.*)>", kind):
        return {"type": "object", "additionalProperties": type_schema(match[1], field, wanted)}
    if kind == "enum":
        return {"type": "string", "enum": list(field["enum"])}
    if kind == "literal":
        return {"const": field["literal"]}
    if kind in PRIMITIVES:
        return dict(PRIMITIVES[kind])
    wanted.add(kind)
    return {"$ref": f"#/components/schemas/{kind}"}


def _members(kind: str) -> Iterator[str]:
    depth, start = 0, 0
    for position, character in enumerate(kind):
        depth += (character == "<") - (character == ">")
        if character == "|" and depth == 0:
            yield kind[start:position].strip()
            start = position + 1
    yield kind[start:].strip()


def _schemas(wanted: set[str]) -> Schema:
    schemas: Schema = {"Error": _error_schema()}
    while missing := sorted(wanted - schemas.keys()):
        for name in missing:
            schemas[name] = _model(CONTRACT["models"][name], wanted)
    return {name: schemas[name] for name in sorted(schemas)}


def _model(model: Mapping[str, Any], wanted: set[str]) -> Schema:
    match model["kind"]:
        case "enum":
            return {"type": "string", "enum": list(model["values"])}
        case "union":
            return {"anyOf": [type_schema(member, {}, wanted) for member in model["members"]]}
        case "alias" | "map":
            return type_schema(model["type"], model, wanted)
        case _:
            fields = model["fields"]
            schema: Schema = {"type": "object", "properties": {field["name"]: _field(field, wanted) for field in fields}}
            if required := [field["name"] for field in fields if not field["optional"]]:
                schema["required"] = required
            return schema


def _error_response() -> Schema:
    return {
        "description": "Any failure.",
        "headers": {"X-Request-Id": {"schema": {"type": "string"}}, "Retry-After": {"schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


def _error_schema() -> Schema:
    """spec/errors.md; the codes are those of `mailroom.errors`."""
    step = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    failing = {"path": {"type": "array", "items": step}, "message": {"type": "string"}}
    return {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "code": {"type": "string", "enum": sorted({error.code for error in _errors(MailroomError)})},
            "message": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object", "properties": failing, "required": ["path", "message"]}},
            "fix": {"type": "string"},
            "docs": {"type": "string", "format": "uri"},
        },
        "required": ["name", "code", "message"],
    }


def _errors(base: type[MailroomError]) -> Iterator[type[MailroomError]]:
    yield base
    for derived in base.__subclasses__():
        yield from _errors(derived)


def _version() -> str:
    match = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert match is not None
    return match[1]


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def text() -> str:
    body = yaml.dump(document(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return HEADER + str(body)


if __name__ == "__main__":
    sys.exit(TARGET.write_text(text(), encoding="utf-8") and 0)
