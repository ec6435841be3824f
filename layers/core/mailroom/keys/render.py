"""API keys as they appear on the wire."""

from __future__ import annotations

from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import to_wire
from mailroom.keys.record import ApiKeyRecord, KeyRecord, PublicKeyRecord, is_public


def api_key(record: KeyRecord) -> dict[str, Any]:
    """`ApiKey`: `type` is always there, or new SDKs cannot tell the two kinds apart."""
    return public_key(record) if is_public(record) else bearer_key(cast(ApiKeyRecord, record))


def bearer_key(record: ApiKeyRecord) -> dict[str, Any]:
    """`BearerApiKey`."""
    return {"type": "bearer", **_shared(record), **_times(record, "used_at", "updated_at")}


def public_key(record: PublicKeyRecord) -> dict[str, Any]:
    """`PublicKeyCredential`. It is active from the beginning: there is nobody here who would have to confirm it."""
    return {
        "type": "public_key",
        "status": "active",
        **_shared(record),
        **_times(record, "used_at", "updated_at"),
        "public_key": {"jwk": record["jwk"], "fingerprint": record["fingerprint"]},
        "created_by": {"api_key_id": record["created_by"]},
    }


def created_key(record: ApiKeyRecord, secret: str) -> dict[str, Any]:
    """`CreateApiKeyResponse`: the one place that shows the secret."""
    return {"api_key": secret, **_shared(record)}


def identity(caller: Caller) -> dict[str, Any]:
    """`Identity` of GET /auth/me."""
    fields = {
        "scope_type": caller.scope_type,
        "scope_id": caller.scope_id,
        "organization_id": caller.organization_id,
        "pod_id": caller.pod_id,
        "inbox_id": caller.inbox_id,
        "api_key_id": caller.api_key_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _shared(record: KeyRecord) -> dict[str, Any]:
    names = ("api_key_id", "prefix", "name", "client_id", "pod_id", "inbox_id", "permissions")
    shown = {name: value for name, value in record.items() if name in names}
    return {**shown, **_times(record, "created_at", "expires_at")}


def _times(record: KeyRecord, *names: str) -> dict[str, str]:
    return {name: to_wire(value) for name, value in record.items() if name in names and isinstance(value, int)}
