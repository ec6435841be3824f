"""How an API key is stored: `AK#{id}` is what people see, `KEY#{hash}` what a request is authenticated by. Times are milliseconds.

Both are written in one transaction, together with the rows of the lists the key appears in.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from mailroom.callers import ScopeType
from mailroom.keys.credentials import secret_hash
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Delete, Item, Key, Put

PREFIX_LENGTH = len("am_") + 8


class ApiKeyRecord(TypedDict):
    api_key_id: str
    organization_id: str
    scope_type: ScopeType
    scope_id: str
    prefix: str
    name: str
    secret_hash: str
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


def granted(permissions: dict[str, bool]) -> list[str]:
    return sorted(name for name, value in permissions.items() if value)


def credential_row(record: ApiKeyRecord) -> Item:
    """What authentication reads: scope, expiry and the granted permissions."""
    shared = ("api_key_id", "organization_id", "scope_type", "scope_id", "pod_id", "inbox_id", "expires_at")
    row = {name: value for name, value in record.items() if name in shared}
    if "permissions" in record:
        row["permissions"] = granted(record["permissions"])
    return row


def listing_keys(record: ApiKeyRecord) -> list[Key]:
    """idx rows: one in the list of exactly its scope, one in the list of everything within its pod."""
    if "pod_id" not in record:
        return []
    o, sort = record["organization_id"], keys.listing_sort(record["created_at"], record["api_key_id"])
    own = keys.api_key_list(o, record["scope_type"], record["scope_id"])
    within = keys.api_key_list(o, "within", record["pod_id"])
    return [Key("idx", own, sort), Key("idx", within, sort)]


def creation(record: ApiKeyRecord) -> list[Action]:
    return [
        Put(keys.api_key_secret(record["secret_hash"]), credential_row(record), Absent()),
        Put(keys.api_key_record(record["organization_id"], record["api_key_id"]), cast(Item, dict(record)), Absent()),
        *(Put(key, {}) for key in listing_keys(record)),
    ]


def removal(record: ApiKeyRecord) -> list[Delete]:
    return [
        Delete(keys.api_key_secret(record["secret_hash"])),
        Delete(keys.api_key_record(record["organization_id"], record["api_key_id"])),
        *(Delete(key) for key in listing_keys(record)),
    ]


def secret_fields(secret: str) -> dict[str, str]:
    """The only traces of a secret that are kept."""
    return {"secret_hash": secret_hash(secret), "prefix": secret[:PREFIX_LENGTH]}
