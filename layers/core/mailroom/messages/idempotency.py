"""The Idempotency-Key header (spec: messages.md): one mail for a key, however often it is asked for.

(no row) ──claim──> running ──the mail is stored──> done, for 24 h
    ^                  │
    └──ended in 4xx────┘     a lock older than 60 s may be taken over, with the same intent
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from mailroom.errors import Conflict, ValidationError
from mailroom.store import keys
from mailroom.store.port import Absent, AtMost, Equals, Item, Key, Put, all_of, any_of

HEADER = "Idempotency-Key"
LOCK_MS = 60_000
KEPT_SECONDS = 24 * 3600
OPEN_SECONDS = 3 * 24 * 3600

_KEY = re.compile(r"[A-Za-z0-9._~-]{1,256}")


class Claim(NamedTuple):
    """One request under one key."""

    key: Key
    fingerprint: str
    stale_lock: int | None = None
    """`lock_until` of an attempt that died, whose place is taken over."""


class Finished(NamedTuple):
    message_id: str
    thread_id: str


class Abandoned(NamedTuple):
    """An attempt that ended without a word; whether its mail went out is to be found out."""

    intent_id: str
    claim: Claim


def key_in(headers: Mapping[str, str]) -> str | None:
    """Raises ValidationError for an empty or malformed one."""
    value = headers.get(HEADER.lower())
    if value is not None and not _KEY.fullmatch(value):
        raise ValidationError.at(HEADER, "1 to 256 characters of A-Z a-z 0-9 - . _ ~")
    return value


def fingerprint(*request: Any) -> str:
    """Hash of the canonical JSON of method, path and body."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def judge(claim: Claim, row: Item | None, now: int) -> Claim | Finished | Abandoned:
    """What a request under the key may do, given what is stored. Raises Conflict."""
    if row is None or row["ttl"] <= now // 1000:
        return claim
    if row["fingerprint"] != claim.fingerprint:
        raise Conflict("The Idempotency-Key was used for a different request", fix="Use a new key for a new request.")
    if row["state"] == "done":
        return Finished(row["message_id"], row["thread_id"])
    if row["lock_until"] > now:
        raise Conflict("The first request with this Idempotency-Key is still running", retry_after=1)
    return Abandoned(row["intent_id"], Claim(claim.key, claim.fingerprint, row["lock_until"]))


def running(claim: Claim, intent_id: str, now: int) -> Put:
    """Takes the key, or the lock of an attempt that died."""
    row: Item = {
        "state": "running",
        "fingerprint": claim.fingerprint,
        "intent_id": intent_id,
        "lock_until": now + LOCK_MS,
        "ttl": now // 1000 + OPEN_SECONDS,
    }
    if claim.stale_lock is not None:
        return Put(claim.key, row, all_of(Equals("state", "running"), Equals("lock_until", claim.stale_lock)))
    return Put(claim.key, row, any_of(Absent(), AtMost("ttl", now // 1000)))


def done(key: Key, fingerprint: str, intent_id: str, message_id: str, thread_id: str, now: int) -> Put:
    row: Item = {
        "state": "done",
        "fingerprint": fingerprint,
        "intent_id": intent_id,
        "message_id": message_id,
        "thread_id": thread_id,
        "ttl": now // 1000 + KEPT_SECONDS,
    }
    return Put(key, row)


def row_key(o: str, headers: Mapping[str, str]) -> Key | None:
    """For prefetching; None without a well-formed header."""
    value = headers.get(HEADER.lower())
    return keys.idempotency(o, value) if value is not None and _KEY.fullmatch(value) else None
