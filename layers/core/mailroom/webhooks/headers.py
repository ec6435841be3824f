"""Custom headers of deliveries: which are taken, and how they change (spec: webhooks.md, "Custom headers")."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from mailroom.errors import ValidationError

MAX_HEADERS = 20
MAX_NAME = 256
MAX_VALUE = 4096

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
"""RFC 9110 section 5.6.2, token."""
_VALUE = re.compile(r"([\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?)?")
"""RFC 9110 section 5.5 without obs-text: nothing that could end the line."""
_OURS = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection", "user-agent"})
_HOP_BY_HOP = frozenset({"expect", "keep-alive", "proxy-connection", "te", "trailer", "upgrade"})
_SIGNED = ("svix-", "webhook-")


def header_map(headers: dict[str, str]) -> dict[str, str]:
    """Raises ValueError, worded for the caller."""
    if not headers:
        raise ValueError("Must have at least one entry")
    if len(headers) > MAX_HEADERS:
        raise ValueError(f"Must have at most {MAX_HEADERS} entries")
    if len({name.lower() for name in headers}) < len(headers):
        raise ValueError("Must not name a header twice, in any case")
    for name, value in headers.items():
        _check(name, value)
    return headers


def _check(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise ValueError(f"Names must be HTTP header names of at most {MAX_NAME} characters")
    if is_reserved(name):
        raise ValueError(f"{name} cannot be set")
    if not _VALUE.fullmatch(value) or len(value) > MAX_VALUE:
        raise ValueError(f"The value of {name} must be at most {MAX_VALUE} printable ASCII characters, without spaces around")


def is_reserved(name: str) -> bool:
    """Whether a delivery has such a header of its own, or none may have it."""
    lower = name.lower()
    return lower in _OURS | _HOP_BY_HOP or lower.startswith(_SIGNED)


def refuse_contradiction(body: Mapping[str, Any]) -> None:
    """Raises ValidationError unless something is set or removed, and nothing both."""
    given, removed = body.get("headers", {}), body.get("remove_headers", [])
    if not given and not removed:
        raise ValidationError.at((), "Send at least one of headers, remove_headers")
    both = {name.lower() for name in given} & {name.lower() for name in removed}
    if both:
        raise ValidationError.at("remove_headers", f"Both set and removed: {', '.join(sorted(both))}")


def changed_headers(before: Mapping[str, str], given: Mapping[str, str], removed: Iterable[str]) -> dict[str, str]:
    """A header that is set anew takes its new case. Raises ValidationError over the limit."""
    gone = {name.lower() for name in (*given, *removed)}
    headers = {name: value for name, value in before.items() if name.lower() not in gone} | dict(given)
    if len(headers) > MAX_HEADERS:
        raise ValidationError.at("headers", f"A webhook has at most {MAX_HEADERS} headers")
    return headers


def header_names(headers: Mapping[str, str]) -> dict[str, Any]:
    """`WebhookHeaderNamesResponse`: values never come back."""
    return {"header_names": sorted(headers, key=str.lower)}
