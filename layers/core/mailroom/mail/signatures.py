"""Who has signed a mail, by its own account: the domains of its DKIM-Signature fields (RFC 6376, 3.5)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mailroom.mail.addresses import ascii_domain

MAX_SIGNATURES = 50
_SPACE = re.compile(r"\s+")


def signing_domains(fields: Sequence[bytes]) -> list[str]:
    """One per field, in lower case; empty for a field that names none or several, and for those beyond 50."""
    unread = [""] if len(fields) > MAX_SIGNATURES else []
    return [_domain(raw) for raw in fields[:MAX_SIGNATURES]] + unread


def _domain(raw: bytes) -> str:
    tags = [part.partition("=") for part in _SPACE.sub("", raw.decode("utf-8", "replace")).split(";")]
    values = [value for name, _, value in tags if name == "d"]
    return ascii_domain(values[0]) if len(values) == 1 else ""
