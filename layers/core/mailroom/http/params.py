"""Query parameters as the SDKs send them (spec: README, "What the SDKs send"): typed, every failing one reported at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeVar

from mailroom.clock import parse_instant
from mailroom.errors import FieldError, ValidationError

T = TypeVar("T")


class Params:
    """Reads named parameters; `finish` raises ValidationError if any was malformed."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values
        self._errors: list[FieldError] = []

    def text(self, name: str) -> str | None:
        values = self._values.get(name)
        return values[-1] if values else None

    def integer(self, name: str, *, default: int, low: int, high: int) -> int:
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            return self._wrong(name, f"Input should be a whole number from {low} to {high}", default)
        return int(text)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        text = self.text(name)
        if text is None:
            return default
        if text.lower() not in ("true", "false"):
            return self._wrong(name, "Input should be true or false", default)
        return text.lower() == "true"

    def instant(self, name: str) -> int | None:
        """Microseconds since the epoch."""
        text = self.text(name)
        if text is None:
            return None
        try:
            # A plus that was not percent-encoded arrives as a space: behind the time it can only be an offset's sign.
            return parse_instant(text[:11] + text[11:].replace(" ", "+", 1))
        except ValueError:
            return self._wrong(name, "Input should be an ISO 8601 timestamp", None)

    def choice(self, name: str, allowed: Sequence[str]) -> str | None:
        text = self.text(name)
        if text is not None and text not in allowed:
            return self._wrong(name, f"Input should be one of {', '.join(allowed)}", None)
        return text

    def strings(self, name: str) -> tuple[str, ...]:
        """One key holding a JSON array, repeated keys, `name[]`, or a bare single value."""
        values = [*self._values.get(name, ()), *self._values.get(name + "[]", ())]
        if len(values) == 1 and values[0].startswith("["):
            try:
                parsed = json.loads(values[0])
            except (ValueError, RecursionError):
                return tuple(values)
            if not isinstance(parsed, list) or not all(isinstance(part, str) for part in parsed):
                return self._wrong(name, "Input should be a list of strings", ())
            return tuple(parsed)
        return tuple(values)

    def reject(self, name: str, message: str) -> None:
        self._errors.append(FieldError((name,), message))

    def finish(self) -> None:
        if self._errors:
            raise ValidationError(self._errors)

    def _wrong(self, name: str, message: str, value: T) -> T:
        self.reject(name, message)
        return value
