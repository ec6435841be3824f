"""Request bodies: declared per endpoint, checked by pydantic's engine, reported as the field errors of spec/errors.md.

pydantic-core is used directly: importing pydantic's own model classes costs a cold function over 100 ms (docs/decisions/0003).
A declaration is a `Body` of named fields; what comes out is a plain dict with only the fields that were sent.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from mailroom.errors import FieldError, ValidationError

if TYPE_CHECKING:
    from pydantic_core import SchemaValidator

Schema = dict[str, Any]
T = TypeVar("T")

_CLIENT_ID = re.compile(r"[A-Za-z0-9._~-]{1,256}")
_LONE_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


# --- field types --------------------------------------------------------------------------------------------------------


def string(*, low: int = 0, high: int | None = None) -> Schema:
    schema: Schema = {"type": "str", "strict": True}
    if low:
        schema["min_length"] = low
    if high is not None:
        schema["max_length"] = high
    return schema


def boolean() -> Schema:
    return {"type": "bool", "strict": True}


def integer(low: int, high: int) -> Schema:
    """A whole number; neither a boolean nor 1.0 is one."""
    return {"type": "int", "strict": True, "ge": low, "le": high}


def one_of(*values: str) -> Schema:
    return {"type": "literal", "expected": list(values)}


def list_of(item: Schema, *, low: int = 0, high: int | None = None) -> Schema:
    schema: Schema = {"type": "list", "items_schema": item, "strict": True}
    if low:
        schema["min_length"] = low
    if high is not None:
        schema["max_length"] = high
    return schema


def strings(item: Schema | None = None) -> Schema:
    """A list of strings; a single string stands for a list of one."""
    return {
        "type": "function-before",
        "function": {"type": "no-info", "function": _as_list},
        "schema": list_of(item or string()),
    }


def map_of(value: Schema, *, high: int | None = None) -> Schema:
    schema: Schema = {"type": "dict", "keys_schema": string(), "values_schema": value, "strict": True}
    if high is not None:
        schema["max_length"] = high
    return schema


def anything() -> Schema:
    """Any JSON value; the service checks it."""
    return {"type": "any"}


def instant() -> Schema:
    """An ISO 8601 timestamp, as microseconds since the epoch."""
    return checked(string(), _instant)


def client_id() -> Schema:
    """What callers name a resource by (spec: README 5)."""
    return checked(string(), _client_id)


def checked(schema: Schema, rule: Callable[[Any], Any]) -> Schema:
    """`rule` returns the value to keep, or raises ValueError with a message for the caller."""

    def apply(value: Any) -> Any:
        try:
            return rule(value)
        except ValueError as error:
            from pydantic_core import PydanticCustomError

            raise PydanticCustomError("rule", "{text}", {"text": str(error)}) from error

    return {"type": "function-after", "function": {"type": "no-info", "function": apply}, "schema": schema}


def object_of(
    required: tuple[str, ...] = (), /, *, nulls: tuple[str, ...] = (), closed: bool = False, update: bool = False, **fields: Schema
) -> Schema:
    """Named fields; unknown ones are ignored, or refused when `closed`. A null is kept for the fields in `nulls` (update: clears);
    for the others it equals absence, or is refused in an `update`."""
    entries: Schema = {
        name: {
            "type": "typed-dict-field",
            "schema": schema if name in required or (update and name not in nulls) else {"type": "nullable", "schema": schema},
            "required": name in required,
        }
        for name, schema in fields.items()
    }
    inner: Schema = {
        "type": "typed-dict",
        "fields": entries,
        "extra_behavior": "forbid" if closed else "ignore",
        "strict": True,
    }

    def drop_nulls(value: dict[str, Any]) -> dict[str, Any]:
        return {name: part for name, part in value.items() if part is not None or name in nulls}

    return {"type": "function-after", "function": {"type": "no-info", "function": drop_nulls}, "schema": inner}


def closed_object(fields: dict[str, Schema]) -> Schema:
    """Named fields and no others; a null equals absence."""
    return object_of(closed=True, **cast(dict[str, Any], fields))


# --- the body -----------------------------------------------------------------------------------------------------------


class Body(Generic[T]):
    """The declaration of one endpoint's body; `T` is the TypedDict of what comes out."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    @cached_property
    def _validator(self) -> SchemaValidator:
        """Made for the first body: a module often declares more bodies than its function ever reads."""
        from pydantic_core import SchemaValidator

        return SchemaValidator(cast(Any, self._schema))

    def read(self, raw: bytes | str | None) -> T:
        """Raises ValidationError with every failing field."""
        return self.check(decode(raw))

    def check(self, value: Mapping[str, Any]) -> T:
        from pydantic_core import ValidationError as CoreError

        try:
            return cast(T, self._validator.validate_python(value))
        except CoreError as error:
            raise ValidationError(
                FieldError(_sent_path(value, part["loc"]), _message(part["type"], part["msg"]))
                for part in error.errors(include_url=False, include_context=True, include_input=False)
            ) from None


def decode(raw: bytes | str | None) -> dict[str, Any]:
    """The JSON object of a body; a missing one is `{}`. Raises ValidationError at the empty path."""
    if not raw or not raw.strip():
        return {}
    try:
        text = raw.decode("utf-8") if isinstance(raw, bytes) else raw
        value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        if _LONE_SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise ValidationError([FieldError((), "Body is not valid JSON")]) from error
    if not isinstance(value, dict):
        raise ValidationError([FieldError((), "Body is not a JSON object")])
    return value


def _sent_path(value: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The path in what was sent: a single string that stands for a list has no index."""
    for depth, step in enumerate(path):
        if isinstance(value, str):
            return path[:depth]
        try:
            value = value[step]
        except (LookupError, TypeError):
            return path
    return path


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _instant(value: str) -> int:
    from mailroom.clock import parse_instant

    try:
        return parse_instant(value)
    except ValueError:
        raise ValueError("Input should be an ISO 8601 timestamp") from None


def _client_id(value: str) -> str:
    if not _CLIENT_ID.fullmatch(value):
        raise ValueError("Must be 1-256 of A-Z a-z 0-9 - . _ ~")
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("number out of range")
    return value


def _message(kind: str, text: str) -> str:
    return "Field required" if kind == "missing" else text
