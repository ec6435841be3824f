"""The `headers` map of a received message (spec: messages.md, Message.headers)."""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.mail.fields import Field
from mailroom.mail.words import decode_field

MAX_BYTES = 32 * 1024
# Decoding never makes a field shorter than a quarter of its encoded form, so longer ones need not be decoded to be dropped.
_MAX_RAW_BYTES = 4 * MAX_BYTES
_TRANSPORT = ("received", "dkim-signature")
_TRANSPORT_PREFIXES = ("arc-", "x-ses-")


def wire_headers(fields: Iterable[Field]) -> dict[str, str]:
    """Top-level fields in order, named as they first came, decoded; repeated ones joined with `, `; the largest are dropped first
    until names and values fit into 32 KB of UTF-8."""
    grouped: dict[str, list[Field]] = {}
    for field in fields:
        name = field.name.lower()
        if name not in _TRANSPORT and not name.startswith(_TRANSPORT_PREFIXES):
            grouped.setdefault(name, []).append(field)
    raw_sizes = {name: sum(len(item.name) + len(item.raw) for item in group) for name, group in grouped.items()}
    kept = _fitting(raw_sizes, _MAX_RAW_BYTES)
    joined = {name: ", ".join(decode_field(item.raw) for item in grouped[name]) for name in kept}
    kept = _fitting({name: len(name) + len(value.encode()) for name, value in joined.items()}, MAX_BYTES)
    return {grouped[name][0].name: joined[name] for name in kept}


def _fitting(sizes: dict[str, int], limit: int) -> list[str]:
    """The names left when the largest are taken away until the sum fits, in their old order."""
    total = sum(sizes.values())
    dropped = set()
    for name in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= limit:
            break
        dropped.add(name)
        total -= sizes[name]
    return [name for name in sizes if name not in dropped]
