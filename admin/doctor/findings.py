"""What a check found: a state, what it means, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

State = Literal["ok", "warn", "fail"]


class Finding(NamedTuple):
    state: State
    meaning: str
    advice: str | None = None


class Named(NamedTuple):
    check: str
    state: State
    meaning: str
    advice: str | None

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in self._asdict().items() if value is not None}


def ok(meaning: str) -> Finding:
    return Finding("ok", meaning)


def warn(meaning: str, advice: str) -> Finding:
    return Finding("warn", meaning, advice)


def fail(meaning: str, advice: str) -> Finding:
    return Finding("fail", meaning, advice)


def examine(checks: Mapping[str, Callable[[], Finding]]) -> list[Named]:
    """All of them, whatever becomes of one."""
    return [Named(name, *_made(check)) for name, check in checks.items()]


def _made(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # noqa: BLE001 - what cannot be checked is a finding, and the others are still wanted
        text = f"{type(error).__name__}: {error}"
        return fail(f"This could not be checked. {text}", "See that the service answers, and that you are permitted to ask it.")
