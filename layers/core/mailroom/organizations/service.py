"""Organizations: made by the operator, read by their own keys."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.clock import Clock, to_wire
from mailroom.config import Config
from mailroom.errors import AlreadyExists, NotFound, ValidationError
from mailroom.ids import new_api_key, uuid7
from mailroom.keys.credentials import secret_hash
from mailroom.keys.record import ApiKeyRecord, creation, organization_key
from mailroom.organizations.limits import domain_limit, inbox_limit
from mailroom.organizations.record import OrganizationRecord, listed
from mailroom.pods.record import PodRecord
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Item, ItemStore, Put, TransactionCancelled

MAX_NAME = 256

_SECRET = re.compile(r"am_(?!eu_)[A-Za-z0-9_-]{16,253}")


class Founding(NamedTuple):
    """The rows that an organization begins with."""

    organization: OrganizationRecord
    pod: PodRecord
    key: ApiKeyRecord


def create_organization(secret: str | None = None, *, name: str | None = None, items: ItemStore, clock: Clock) -> dict[str, str]:
    """A new organization with its default pod and first key: `organization_id`, `api_key` (the secret), `api_key_id`.

    `name` is for the operator. Raises ValidationError for it and for a secret that no key can have, AlreadyExists for one in use.
    """
    secret = new_api_key() if secret is None else secret
    if not _SECRET.fullmatch(secret):
        raise ValidationError.at("api_key", "Must be am_ (not am_eu_) and at least 16 letters, digits, - or _")
    if name is not None and not 1 <= len(name) <= MAX_NAME:
        raise ValidationError.at("name", f"Must have 1 to {MAX_NAME} characters")
    new = founding(secret, clock())
    if name is not None:
        new.organization["name"] = name
    try:
        items.transact(foundation(new))
    except TransactionCancelled as cancelled:
        raise AlreadyExists("The API key is in use") from cancelled
    return {"organization_id": new.organization["organization_id"], "api_key": secret, "api_key_id": new.key["api_key_id"]}


def founding(secret: str, now: int) -> Founding:
    o, pod_id = uuid7(now), uuid7(now)
    organization = OrganizationRecord(
        organization_id=o, default_pod_id=pod_id, inbox_count=0, domain_count=0, created_at=now, updated_at=now
    )
    pod = PodRecord(pod_id=pod_id, name="Default Pod", inbox_count=0, created_at=now, updated_at=now, default=True)
    return Founding(organization, pod, organization_key(o, uuid7(now), secret, now))


def foundation(new: Founding) -> list[Action]:
    """What a transaction does to make the organization. Fails where the key's secret is in use."""
    o = new.organization["organization_id"]
    return [
        *creation(new.key),
        Put(keys.organization(o), cast(Item, new.organization), Absent()),
        Put(keys.pod(o, new.pod["pod_id"]), cast(Item, new.pod), Absent()),
        listed(new.organization),
    ]


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
    limits = {"inbox_limit": inbox_limit(row, config), "domain_limit": domain_limit(row, config)}
    return organization | {name: limit for name, limit in limits.items() if limit is not None}


def _list(o: str, *, items: ItemStore) -> None:
    """For one that was made by a version that kept no list."""
    row = items.get(keys.organization(o))
    if row is not None:
        items.write([listed(cast(OrganizationRecord, row))])
