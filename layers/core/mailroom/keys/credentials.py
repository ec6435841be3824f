"""Authentication of one request: the bearer value, its row, and what it stands for."""

from __future__ import annotations

import hashlib
from typing import cast

from mailroom import log
from mailroom.callers import Caller, ScopeType
from mailroom.errors import ApiKeyExpired, InvalidTokenType, MissingAuthorization, OrganizationSuspended, UnknownApiKey
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Present, Set, StoreError, Update

USED_AT_EVERY_MS = 60_000


def bearer_value(header: str | None) -> str:
    """Raises MissingAuthorization, naming what is wrong: no header, another scheme, an empty value, whitespace inside."""
    fix = "Send the header `Authorization: Bearer <API key>`."
    if header is None:
        raise MissingAuthorization("Authorization header is missing", fix=fix)
    scheme, _, value = header.partition(" ")
    if scheme != "Bearer":
        raise MissingAuthorization("Authorization scheme must be Bearer", fix=fix)
    if not value:
        raise MissingAuthorization("Bearer value is empty", fix=fix)
    if any(character.isspace() for character in value):
        raise MissingAuthorization("Bearer value contains whitespace", fix=fix)
    return value


def is_session_token(value: str) -> bool:
    return value.count(".") == 2


def secret_hash(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()


def require_key(value: str) -> None:
    """Raises InvalidTokenType for a session token where only a key will do."""
    if is_session_token(value):
        raise InvalidTokenType("This endpoint needs an API key", fix="Send an API key instead of a session token.")


def caller_of(row: Item | None, now: int) -> Caller:
    """Raises UnknownApiKey, ApiKeyExpired, OrganizationSuspended."""
    if row is None:
        raise UnknownApiKey(fix="Check the key, or create a new one.")
    expires_at = row.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise ApiKeyExpired(fix="Create a new API key.")
    if "suspended" in row:
        raise OrganizationSuspended
    granted = row.get("permissions")
    return Caller(
        organization_id=row["organization_id"],
        scope_type=cast(ScopeType, row["scope_type"]),
        scope_id=row["scope_id"],
        pod_id=row.get("pod_id"),
        inbox_id=row.get("inbox_id"),
        api_key_id=row["api_key_id"],
        permissions=None if granted is None else frozenset(granted),
        expires_at=expires_at,
        unverified=bool(row.get("unverified")),
    )


def note_use(row: Item, now: int, *, items: ItemStore) -> None:
    """`used_at`, at most once a minute. `row` is either row of the key. A key that was deleted meanwhile is not written back.

    Never fails: what the request did is done, and an error would make clients do it again.
    """
    if now - row.get("used_at", 0) < USED_AT_EVERY_MS:
        return
    record = keys.api_key_record(row["organization_id"], row["api_key_id"])
    secret = keys.api_key_secret(row["secret_hash"]) if "secret_hash" in row else Key.of("core", row)
    try:
        items.write([Update(key, (Set("used_at", now),), Present()) for key in (secret, record)])
    except StoreError:
        log.logger.exception("use of a key not noted")
