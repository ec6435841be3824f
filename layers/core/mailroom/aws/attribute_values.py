"""DynamoDB's attribute values and plain ones. Numbers are ints on our side, unlike with boto3's own serializer."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from mailroom.store.port import Item


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: to_attribute(value) for name, value in item.items()}


def from_attributes(attributes: Mapping[str, Any]) -> Item:
    return {name: from_attribute(value) for name, value in attributes.items()}


def to_attribute(value: Any) -> dict[str, Any]:
    """Raises TypeError for a type outside the port's."""
    match value:
        case str():
            return {"S": value}
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list():
            return {"L": [to_attribute(element) for element in value]}
        case dict():
            return {"M": to_attributes(value)}
        case _:
            raise TypeError(f"an item cannot hold a {type(value).__name__}")


def from_attribute(attribute: Mapping[str, Any]) -> Any:
    """Takes what the client answers, and a Lambda event, where bytes are base64 text."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return int(value)
        case "B":
            return base64.b64decode(value) if isinstance(value, str) else bytes(value)
        case "L":
            return [from_attribute(element) for element in value]
        case "M":
            return from_attributes(value)
        case _:
            raise TypeError(f"not an attribute of ours: {kind}")
