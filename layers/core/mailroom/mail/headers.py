"""The caller's own header fields on an outgoing message (spec: messages.md, "headers")."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mailroom.errors import FieldError

MAX_HEADERS = 50
# RFC 5322, 3.6.8; a line must hold name, colon and a first word.
_NAME = re.compile(r"[!-9;-~]{1,200}")
_OURS = frozenset(
    (
        *("from", "sender", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references"),
        *("return-path", "received", "mime-version", "dkim-signature"),
    )
)
_OUR_PREFIXES = ("content-", "arc-", "x-ses-")
_UNENCODABLE = re.compile("[\0\ud800-\udfff]")


def check_headers(headers: Mapping[str, str]) -> list[FieldError]:
    """What is wrong with them, each under the path `("headers", name)`; empty when they may be sent."""
    errors = []
    if len(headers) > MAX_HEADERS:
        errors.append(FieldError(("headers",), f"At most {MAX_HEADERS} headers are allowed"))
    for name, value in headers.items():
        problem = name_problem(name) or _value_problem(value)
        if problem:
            errors.append(FieldError(("headers", name), problem))
    return errors


def name_problem(name: str) -> str | None:
    """Why a field of that name cannot be set by the caller."""
    if not _NAME.fullmatch(name):
        return "Not a valid header field name"
    lower = name.lower()
    if lower in _OURS or lower.startswith(_OUR_PREFIXES):
        return f"{name} is set by the service and cannot be given"
    return None


def _value_problem(value: str) -> str | None:
    if "\r" in value or "\n" in value:
        return "The value must not contain line breaks"
    return "The value contains characters that cannot be sent" if _UNENCODABLE.search(value) else None
