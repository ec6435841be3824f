"""Identifiers: time-sortable where they are minted, derived where a repeat must give the same one."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
import uuid
from functools import lru_cache

_KEY_ALPHABET = string.ascii_letters + string.digits


def uuid7(ms: int) -> str:
    """RFC 9562 version 7: sorts by creation in its text form."""
    return str(uuid.UUID(int=_versioned(ms, secrets.token_bytes(10), version=7)))


def derived_uuid(*parts: str) -> str:
    """The same parts give the same UUID (RFC 9562 version 8), so that a redelivery mints nothing new."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(int=_versioned(int.from_bytes(digest[:6]), digest[6:16], version=8)))


def derived_uuid7(ms: int, *parts: str) -> str:
    """Like `uuid7`, with the random part taken from the parts."""
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).digest()
    return str(uuid.UUID(int=_versioned(ms, digest[:10], version=7)))


def event_id(ms: int, *parts: str) -> str:
    """`evt_` and a time-sortable id; derived from the parts, so a replay names the same event."""
    return "evt_" + derived_uuid7(ms, *parts).replace("-", "")


def webhook_id(ms: int) -> str:
    """Sorts by creation."""
    return "ep_" + uuid7(ms).replace("-", "")


@lru_cache(maxsize=4096)
def digest26(text: str) -> str:
    """First 26 characters of base32(sha256(text)): the `h` of design/data.md, 130 bits."""
    raw = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return base64.b32encode(raw)[:26].decode("ascii").lower()


def new_api_key() -> str:
    return "am_" + _random(48)


def new_polling_token() -> str:
    return "poll_" + _random(48)


def _random(length: int) -> str:
    return "".join(secrets.choice(_KEY_ALPHABET) for _ in range(length))


def _versioned(ms: int, tail: bytes, *, version: int) -> int:
    value = (ms & (1 << 48) - 1) << 80 | int.from_bytes(tail)
    value = value & ~(0xF << 76) | version << 76
    return value & ~(0x3 << 62) | 0x2 << 62
