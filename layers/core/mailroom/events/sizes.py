"""Events as the text that leaves: compact JSON, cut where a channel takes no more (spec: webhooks.md and websockets.md, "Size").

Bodies go first: whoever needs them reads the message. No field that the spec requires is ever dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

MAX_WEBHOOK_BYTES = 1024 * 1024
MAX_FRAME_BYTES = 120 * 1024

Step = tuple[tuple[str, str], ...]
"""Fields dropped together, each as (payload object, name)."""

_WEBHOOK: tuple[Step, ...] = (
    (("message", "text"), ("message", "html")),
    (("message", "extracted_text"),),
    (("message", "extracted_html"),),
    (("message", "headers"),),
    (("thread", "attachments"),),
)
_FRAME: tuple[Step, ...] = (
    (("message", "html"),),
    (("message", "extracted_html"),),
    (("message", "text"),),
    (("message", "extracted_text"),),
    (("message", "headers"),),
    (("thread", "attachments"),),
)
_LAST: tuple[Step, ...] = (
    (("message", "references"),),
    (("message", "attachments"),),
    (("message", "cc"), ("message", "bcc"), ("message", "reply_to")),
    (("message", "subject"), ("thread", "subject")),
)
"""What the spec's order leaves; only a mail made for it comes to this."""


def webhook_bytes(event: Mapping[str, Any]) -> bytes:
    """At most 1 MB."""
    return fitted(event, MAX_WEBHOOK_BYTES, steps=_WEBHOOK)


def frame_text(event: Mapping[str, Any]) -> str:
    """At most 120 KB in UTF-8."""
    return fitted(event, MAX_FRAME_BYTES, steps=_FRAME).decode()


def fitted(
    event: Mapping[str, Any], most: int, *, steps: tuple[Step, ...] = _WEBHOOK, packed: Callable[[bytes], bytes] = bytes
) -> bytes:
    """The event, as far as it must be cut to have at most so many bytes, measured as `packed`."""
    data = packed(_dumped(event))
    if len(data) > most:
        for smaller in _smaller(event, steps):
            data = packed(_dumped(smaller))
            if len(data) <= most:
                break
    return data


def _dumped(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _smaller(event: Mapping[str, Any], steps: tuple[Step, ...]) -> Iterator[dict[str, Any]]:
    cut = {name: dict(value) if isinstance(value, dict) else value for name, value in event.items()}
    yield from _dropping(cut, steps)
    yield from _halving(cut, (("thread", "senders"), ("thread", "recipients")))
    yield from _dropping(cut, _LAST)
    yield from _halving(cut, (("message", "to"), ("message", "labels"), ("thread", "labels")))


def _dropping(cut: dict[str, Any], steps: tuple[Step, ...]) -> Iterator[dict[str, Any]]:
    for step in steps:
        present = [(part, name) for part, name in step if name in cut.get(part, ())]
        for part, name in present:
            del cut[part][name]
        if present:
            yield cut


def _halving(cut: dict[str, Any], lists: Step) -> Iterator[dict[str, Any]]:
    while long := [(part, name) for part, name in lists if len(cut.get(part, {}).get(name, ())) > 1]:
        for part, name in long:
            cut[part][name] = cut[part][name][: len(cut[part][name]) // 2]
        yield cut
