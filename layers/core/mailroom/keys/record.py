"""How an API key is stored: `AK#{id}` is what people see, `KEY#{hash}` what a request is authenticated by. Times are milliseconds.

Both are written in one transaction, together with the rows of the lists the key appears in. A public key has no `KEY#` row: nothing
that a request could carry leads to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, TypeGuard, cast

from mailroom.callers import ScopeType
from mailroom.keys.credentials import secret_hash
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Delete, Item, Key, Put

if TYPE_CHECKING:
    from mailroom.keys.jwk import PublicJwk

PREFIX_LENGTH = len("am_") + 8


class KeyRecord(TypedDict):
    """What keys of both kinds have."""

    api_key_id: str
    organization_id: str
    scope_type: ScopeType
    scope_id: str
    name: str
    created_at: int
    updated_at: int
    ver: int
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    permissions: NotRequired[dict[str, bool]]
    """As given; absent means unrestricted."""
    expires_at: NotRequired[int]
    used_at: NotRequired[int]
    suspended: NotRequired[int]
    """Also on the credential's row: its organization is suspended (`organizations.suspension`)."""


class ApiKeyRecord(KeyRecord):
    """A bearer key."""

    prefix: str
    secret_hash: str
    unverified: NotRequired[bool]
    """Its organization is an agent's for which no human has answered yet; written here so that a request need not ask."""


class PublicKeyRecord(KeyRecord):
    type: Literal["public_key"]
    jwk: PublicJwk
    fingerprint: str
    client_id: NotRequired[str]
    created_by: str
    """The id of the API key that registered it."""


def is_public(record: KeyRecord) -> TypeGuard[PublicKeyRecord]:
    return cast(Item, record).get("type") == "public_key"


def organization_key(o: str, api_key_id: str, secret: str, now: int) -> ApiKeyRecord:
    """An unrestricted key of organization scope, with a name by its prefix."""
    return new_key(o, api_key_id, "organization", o, secret, now)


def new_key(o: str, api_key_id: str, scope_type: ScopeType, scope_id: str, secret: str, now: int) -> ApiKeyRecord:
    prefix = secret[:PREFIX_LENGTH]
    return ApiKeyRecord(
        api_key_id=api_key_id,
        organization_id=o,
        scope_type=scope_type,
        scope_id=scope_id,
        prefix=prefix,
        secret_hash=secret_hash(secret),
        name=f"API key {prefix}",
        created_at=now,
        updated_at=now,
        ver=now,
    )


def granted(permissions: dict[str, bool]) -> list[str]:
    return sorted(name for name, value in permissions.items() if value)


def credential_row(record: ApiKeyRecord) -> Item:
    """What authentication reads: scope, expiry and the granted permissions."""
    shared = ("api_key_id", "organization_id", "scope_type", "scope_id", "pod_id", "inbox_id", "expires_at", "unverified")
    row = {name: value for name, value in record.items() if name in shared}
    if "permissions" in record:
        row["permissions"] = granted(record["permissions"])
    return row


def listing_keys(record: KeyRecord) -> list[Key]:
    """idx rows: one in the list of exactly its scope, one in the list of everything within its pod."""
    if "pod_id" not in record:
        return []
    o, sort = record["organization_id"], keys.listing_sort(record["created_at"], record["api_key_id"])
    own = keys.api_key_list(o, record["scope_type"], record["scope_id"])
    within = keys.api_key_list(o, "within", record["pod_id"])
    return [Key("idx", own, sort), Key("idx", within, sort)]


def creation(record: ApiKeyRecord) -> list[Action]:
    return [Put(keys.api_key_secret(record["secret_hash"]), credential_row(record), Absent()), *_shown(record)]


def public_creation(record: PublicKeyRecord) -> list[Action]:
    """Fails where the client id is in use."""
    named = [Put(_name_key(record), {"id": record["api_key_id"]}, Absent())] if "client_id" in record else []
    return [*_shown(record), *named]


def removal(record: KeyRecord) -> list[Delete]:
    """At most four rows."""
    return [
        Delete(_record_key(record)),
        *(Delete(key) for key in listing_keys(record)),
        *(Delete(key) for key in _leading_keys(record)),
    ]


def _shown(record: KeyRecord) -> list[Action]:
    return [Put(_record_key(record), cast(Item, dict(record)), Absent()), *(Put(key, {}) for key in listing_keys(record))]


def _record_key(record: KeyRecord) -> Key:
    return keys.api_key_record(record["organization_id"], record["api_key_id"])


def _leading_keys(record: KeyRecord) -> list[Key]:
    """What leads to the record: the secret's hash, or the client id."""
    if is_public(record):
        return [_name_key(record)] if "client_id" in record else []
    return [keys.api_key_secret(cast(ApiKeyRecord, record)["secret_hash"])]


def _name_key(record: PublicKeyRecord) -> Key:
    return keys.client_id(record["organization_id"], "public_key", record["client_id"])
