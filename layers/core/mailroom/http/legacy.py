"""What clients of 2025 expect differently (spec: messages.md, "legacy")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.http.answers import Redirect

BYTES_OF_ATTACHMENTS_BELOW = (0, 2)
BYTES_OF_RAW_BELOW = (0, 4)


def download(answer: dict[str, Any], headers: Mapping[str, str], *, below: tuple[int, int]) -> dict[str, Any] | Redirect:
    """SDKs older than `below` want the bytes instead of their address: they follow a redirect."""
    version = _version(headers.get("x-fern-sdk-version", ""))
    return Redirect(answer["download_url"]) if version is not None and version < below else answer


def _version(text: str) -> tuple[int, int] | None:
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if all(part.isascii() and part.isdigit() and len(part) < 6 for part in (major, minor)) else None
