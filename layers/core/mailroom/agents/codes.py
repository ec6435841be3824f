"""The code that a human is mailed: six digits that live a day and bear ten attempts. Only its hash is kept."""

from __future__ import annotations

import hmac
import secrets
from typing import Any, NamedTuple

from mailroom.ids import uuid7
from mailroom.store.port import Item

LIFE_MS = 24 * 3600 * 1000
MAX_ATTEMPTS = 10
MAILING_MS = 60_000
"""How long a code's mail is taken to be on its way when nothing more is heard of it."""


class NewCode(NamedTuple):
    text: str
    fields: dict[str, Any]
    """Of the organization's row."""

    @property
    def code_id(self) -> str:
        return str(self.fields["code_id"])


def is_wanted(organization: Item, now: int) -> bool:
    """Whether the human needs a code: there is none, it has expired, or its mail never left. One that was guessed at ten times is
    not replaced: its attempts count until it expires."""
    if organization.get("code_expires_at", 0) <= now:
        return True
    return bool(organization["code_attempts"] < MAX_ATTEMPTS and organization.get("code_due", now + 1) <= now)


def new_code(secret: bytes, now: int, before: Item | None = None) -> NewCode:
    """`before`: the organization whose living code is replaced because its mail never left. A code cannot be mailed from its hash,
    so this is another one, and inherits the time and the attempts: asking again must not buy more guesses."""
    code_id, text = uuid7(now), f"{secrets.randbelow(10**6):06}"
    fields: dict[str, Any] = {
        "code_id": code_id,
        "code_hash": code_hash(secret, code_id, text),
        "code_expires_at": now + LIFE_MS,
        "code_attempts": 0,
        "code_due": now + MAILING_MS,
    }
    if before is not None and before.get("code_expires_at", 0) > now:
        fields |= {name: before[name] for name in ("code_expires_at", "code_attempts")}
    return NewCode(text, fields)


def code_hash(secret: bytes, code_id: str, text: str) -> str:
    """Keyed: a million codes are hashed in a moment."""
    key = hmac.digest(secret, b"agent codes", "sha256")
    return hmac.digest(key, f"{code_id} {text}".encode(), "sha256").hex()


def matches(organization: Item, secret: bytes, text: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(str(organization["code_hash"]), code_hash(secret, organization["code_id"], text))
