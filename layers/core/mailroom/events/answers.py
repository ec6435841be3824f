"""Events in an HTTP answer: as many as fit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mailroom.events.sizes import webhook_bytes

T = TypeVar("T")

MAX_ANSWER_BYTES = 4 * 1024 * 1024
"""Room for the platform's 6 MB with what JSON escapes."""

_AT_ONCE = 10
"""Events whose bodies are in memory together."""


def fitting(
    things: Sequence[T], show: Callable[[Sequence[T]], Sequence[dict[str, Any] | None]]
) -> tuple[list[dict[str, Any]], int]:
    """Each cut as for a webhook, and of how many things they are: at least of one, all where they fit. `show` gives for each thing
    its event, None where there is none any more."""
    events: list[dict[str, Any]] = []
    size = 0
    for start in range(0, len(things), _AT_ONCE):
        for place, event in enumerate(show(things[start : start + _AT_ONCE]), start):
            if event is None:
                continue
            data = webhook_bytes(event)
            size += len(data)
            if events and size > MAX_ANSWER_BYTES:
                return events, place
            events.append(json.loads(data))
    return events, len(things)
