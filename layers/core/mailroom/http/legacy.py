"""What clients of 2025 expect differently (spec: messages.md, "legacy"). Boundaries are those of the published packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mailroom.http.answers import Redirect

Version = tuple[int, int, int]

_NUMBERS = re.compile(r"(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?", re.ASCII)
_NUMBERED_LATE = 200
"""Python's 0.0.281 and 0.0.284 came after 0.2.0."""


def attachment(answer: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any] | Redirect:
    """SDKs below 0.2 want the bytes of an attachment instead of its address: they follow a redirect."""
    version = _version(headers)
    old = version is not None and version < (0, 2, 0) and not (version[:2] == (0, 0) and version[2] >= _NUMBERED_LATE)
    return Redirect(answer["download_url"]) if old else answer


def raw_message(answer: dict[str, Any], headers: Mapping[str, str]) -> dict[str, Any] | Redirect:
    """SDKs below 0.4 want the bytes of the mail, TypeScript's still in 0.4.3."""
    version = _version(headers)
    first = (0, 4, 4) if headers.get("x-fern-language") == "JavaScript" else (0, 4, 0)
    return Redirect(answer["download_url"]) if version is not None and version < first else answer


def _version(headers: Mapping[str, str]) -> Version | None:
    found = _NUMBERS.match(headers.get("x-fern-sdk-version", ""))
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None
