"""Organizations: made by the operator, read by their own keys."""

from __future__ import annotations

import re
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.clock import Clock, to_wire
from mailroom.config import Config
from mailroom.errors import AlreadyExists, NotFound, ValidationError
from mailroom.ids import new_api_key, uuid7
from mailroom.keys.credentials import secret_hash
from mailroom.keys.record import ApiKeyRecord, creation, secret_fields
from mailroom.organizations.record import OrganizationRecord, listed
from mailroom.pods.record import PodRecord
from mailroom.store import keys
from mailroom.store.port import Absent, Item, ItemStore, Put, TransactionCancelled

MAX_NAME = 256

_SECRET = re.compile(r"am_(?!eu_)[A-Za-z0-9_-]{16,253}")


def create_organization(secret: str | None = None, *, name: str | None = None, items: ItemStore, clock: Clock) -> dict[str, str]:
    """A new organization with its default pod and first key: `organization_id`, `api_key` (the secret), `api_key_id`.

    `name` is for the operator. Raises ValidationError for it and for a secret that no key can have, AlreadyExists for one in use.
    """
    secret = new_api_key() if secret is None else secret
    if not _SECRET.fullmatch(secret):
        raise ValidationError.at("api_key", "Must be am_ (not am_eu_) and at least 16 letters, digits, - or _")
    if name is not None and not 1 <= len(name) <= MAX_NAME:
        raise ValidationError.at("name", f"Must have 1 to {MAX_NAME} characters")
    now = clock()
    organization, pod, key = _records(secret, now)
    if name is not None:
        organization["name"] = name
    o = organization["organization_id"]
    try:
        items.transact(
            [
                *creation(key),
                Put(keys.organization(o), cast(Item, organization), Absent()),
                Put(keys.pod(o, pod["pod_id"]), cast(Item, pod), Absent()),
                listed(organization),
            ]
        )
    except TransactionCancelled as cancelled:
        raise AlreadyExists("The API key is in use") from cancelled
    return {"organization_id": o, "api_key": secret, "api_key_id": key["api_key_id"]}


def bootstrap(secret: str, *, items: ItemStore, clock: Clock) -> None:
    """Makes sure that `secret` is a key of organization scope; any number of times, also at once. Raises ValidationError."""
    key = items.get(keys.api_key_secret(secret_hash(secret)))
    if key is not None:
        _list(key["organization_id"], items=items)
        return
    try:
        create_organization(secret, items=items, clock=clock)
    except AlreadyExists:
        return


def get_organization(caller: Caller, *, items: ItemStore, config: Config) -> dict[str, Any]:
    """The `Organization` of the wire. Raises NotFound."""
    row = items.get(keys.organization(caller.organization_id))
    if row is None:
        raise NotFound
    organization: dict[str, Any] = {
        "organization_id": row["organization_id"],
        "inbox_count": row["inbox_count"],
        "domain_count": row["domain_count"],
        "updated_at": to_wire(row["updated_at"]),
        "created_at": to_wire(row["created_at"]),
    }
    if config.inbox_limit is not None:
        organization["inbox_limit"] = config.inbox_limit
    if config.domain_limit is not None:
        organization["domain_limit"] = config.domain_limit
    return organization


def _list(o: str, *, items: ItemStore) -> None:
    """For one that was made by a version that kept no list."""
    row = items.get(keys.organization(o))
    if row is not None:
        items.write([listed(cast(OrganizationRecord, row))])


def _records(secret: str, now: int) -> tuple[OrganizationRecord, PodRecord, ApiKeyRecord]:
    o, pod_id = uuid7(now), uuid7(now)
    organization = OrganizationRecord(
        organization_id=o, default_pod_id=pod_id, inbox_count=0, domain_count=0, created_at=now, updated_at=now
    )
    pod = PodRecord(pod_id=pod_id, name="Default Pod", inbox_count=0, created_at=now, updated_at=now, default=True)
    traces = secret_fields(secret)
    key = ApiKeyRecord(
        api_key_id=uuid7(now),
        organization_id=o,
        scope_type="organization",
        scope_id=o,
        prefix=traces["prefix"],
        secret_hash=traces["secret_hash"],
        name=f"API key {traces['prefix']}",
        created_at=now,
        updated_at=now,
        ver=now,
    )
    return organization, pod, key
