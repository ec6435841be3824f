"""What webhooks are signed with (spec: webhooks.md, "Delivery"), and how it is replaced without a gap."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterable

from mailroom.webhooks.record import MAX_SECRETS, Secret

OVERLAP_MS = 24 * 3600 * 1000
"""How long a replaced secret still signs beside the new one."""


def new_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def rotated(before: Iterable[Secret], now: int) -> list[Secret]:
    """A new one in front; what was current signs for another day, what was replaced before keeps its own end."""
    kept = [Secret(secret=each["secret"], until=each.get("until", now + OVERLAP_MS)) for each in before]
    return [Secret(secret=new_secret()), *(each for each in kept if each["until"] > now)][:MAX_SECRETS]
