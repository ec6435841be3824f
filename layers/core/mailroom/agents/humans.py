"""Which organization waits for a person: one at most, by a row under the hash of the address (`HUMAN#`)."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from mailroom.errors import ValidationError
from mailroom.mail.addresses import strip_plus
from mailroom.organizations.limits import is_unverified
from mailroom.store import keys
from mailroom.store.port import Absent, Delete, Equals, Item, ItemStore, Key, Put, any_of


class Human(NamedTuple):
    email: str
    """In lower case."""
    awaited_by: Item | None = None
    """The row of the organization that waits for this person."""
    former: str | None = None
    """An organization that did, and is gone or verified."""


def look_up(email: str, *, domain: str, items: ItemStore) -> Human:
    """`domain`: the deployment's default domain. Raises ValidationError where the address is not one of a person."""
    address = keys.address(strip_plus(email))
    ours = email.rpartition("@")[2] == domain or email.endswith(f".{domain}")
    rows = items.batch_get([_key(email), *([address] if ours else [])])
    waiting, mailbox = rows.get(_key(email)), rows.get(address)
    owners = {row["organization_id"] for row in (waiting, mailbox) if row}
    organizations = items.batch_get([keys.organization(o) for o in owners]) if owners else {}
    if ours:
        _require_person(mailbox, organizations)
    if waiting is None:
        return Human(email)
    o = waiting["organization_id"]
    organization = organizations.get(keys.organization(o))
    if organization is not None and is_unverified(organization) and organization.get("human_email") == email:
        return Human(email, awaited_by=organization)
    return Human(email, former=o)


def claim(human: Human, o: str) -> Put:
    """For the transaction that makes the person the human of an organization. Fails where another one was faster."""
    free = Absent() if human.former is None else any_of(Absent(), Equals("organization_id", human.former))
    return Put(_key(human.email), {"organization_id": o}, free)


def release(email: str, o: str) -> Delete:
    """For the transaction after which the organization no longer waits for the person."""
    return Delete(_key(email), any_of(Absent(), Equals("organization_id", o)))


def _key(email: str) -> Key:
    return keys.human(hashlib.sha256(email.encode()).hexdigest())


def _require_person(mailbox: Item | None, organizations: dict[Key, Item]) -> None:
    """An agent must not answer for itself: an address of this deployment counts where it is an inbox already, of somebody who is
    known. One that is not there yet could be taken by whoever asks, before the code arrives."""
    if mailbox is not None and mailbox["state"] == "live":
        organization = organizations.get(keys.organization(mailbox["organization_id"]))
        if organization is not None and not is_unverified(organization):
            return
    raise ValidationError.at("human_email", "Must be the address of a person who can answer for the agent")
