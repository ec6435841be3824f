"""Public keys: listed and managed like other keys, and no credential of any request (spec: "Public keys")."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import Conflict, NotFound, OrganizationSuspended
from mailroom.ids import uuid7
from mailroom.keys.jwk import fingerprint
from mailroom.keys.model import CreateApiKey
from mailroom.keys.permissions import effective
from mailroom.keys.record import PublicKeyRecord, public_creation
from mailroom.keys.scopes import Scope, still_there
from mailroom.organizations.standing import active
from mailroom.store import keys
from mailroom.store.port import ItemStore, TransactionCancelled

NAMED_BY = 8
"""Characters of the fingerprint in a default name."""


def register(record: PublicKeyRecord, scope: Scope, *, items: ItemStore) -> None:
    """Raises Conflict where another public key of the organization has the client id, NotFound where the scope is going away,
    OrganizationSuspended."""
    o = record["organization_id"]
    actions = [active(o), *public_creation(record), *still_there(o, scope)]
    try:
        items.transact(actions)
    except TransactionCancelled as cancelled:
        if 0 in cancelled.failures:
            raise OrganizationSuspended from cancelled
        taken = keys.client_id(o, "public_key", record["client_id"]) if "client_id" in record else None
        if any(actions[position].key == taken for position in cancelled.failures):
            raise Conflict("The client id is in use", fix="Choose another client_id, or delete the key that has it.") from cancelled
        raise NotFound from cancelled


def new_record(
    caller: Caller, scope: Scope, body: CreateApiKey, permissions: dict[str, bool] | None, expires_at: int | None, now: int
) -> PublicKeyRecord:
    """Its permissions are always written out: those of an unrestricted caller are what its scope allows."""
    assert caller.api_key_id is not None, "only keys make keys"
    jwk = body["public_key"]
    thumbprint = fingerprint(jwk)
    record = PublicKeyRecord(
        type="public_key",
        api_key_id=uuid7(now),
        organization_id=caller.organization_id,
        scope_type=scope.type,
        scope_id=scope.id,
        name=body.get("name", f"AgentID key {thumbprint[:NAMED_BY]}"),
        jwk=jwk,
        fingerprint=thumbprint,
        permissions=effective(caller) if permissions is None else permissions,
        created_by=caller.api_key_id,
        created_at=now,
        updated_at=now,
        ver=now,
    )
    if scope.pod_id is not None:
        record["pod_id"] = scope.pod_id
    if scope.inbox_id is not None:
        record["inbox_id"] = scope.inbox_id
    if "client_id" in body:
        record["client_id"] = body["client_id"]
    if expires_at is not None:
        record["expires_at"] = expires_at
    return record
