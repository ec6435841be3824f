"""The size of an item as DynamoDB counts it, and the values an item may have.

Source: "DynamoDB item sizes and formats" and "Constraints" in the DynamoDB developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_DEPTH = 32

_NUMBER_LIMIT = 10**38
_CONTAINER_BYTES = 3


def item_size(item: Mapping[str, Any]) -> int:
    """Bytes of names and values. Raises TypeError for a value outside the port's types, ValueError for one DynamoDB cannot hold:
    text with lone surrogates, a number of more than 38 digits, nesting over 32 levels."""
    return sum([text_size(name) + _value_size(value, 1) for name, value in item.items()])


def text_size(text: str) -> int:
    """UTF-8 bytes. Raises TypeError for anything but a str, UnicodeEncodeError (a ValueError) for a lone surrogate."""
    if not isinstance(text, str):
        raise TypeError(f"a name or key must be a str, not {type(text).__name__}")
    return len(text) if text.isascii() else len(text.encode())


def _value_size(value: Any, depth: int) -> int:
    kind = type(value)
    if kind is str:
        return len(value) if value.isascii() else len(value.encode())
    if kind is int:
        return _number_size(value)
    if kind is bool:
        return 1
    if kind is bytes:
        return len(value)
    if kind is list or kind is dict:
        return _container_size(value, depth)
    raise TypeError(f"an item cannot hold a {kind.__name__}")


def _number_size(value: int) -> int:
    if not -_NUMBER_LIMIT < value < _NUMBER_LIMIT:
        raise ValueError("a number of more than 38 digits")
    digits = len(str(abs(value)).rstrip("0")) or 1
    return (digits + 1) // 2 + 1 + (value < 0)


def _container_size(value: list[Any] | dict[str, Any], depth: int) -> int:
    if depth > MAX_DEPTH:
        raise ValueError(f"nesting of more than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        entries = sum([text_size(name) + _value_size(element, depth + 1) for name, element in value.items()])
    else:
        entries = sum([_value_size(element, depth + 1) for element in value])
    return _CONTAINER_BYTES + len(value) + entries
