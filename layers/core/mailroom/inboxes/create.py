"""Creating an inbox: one transaction over address, inbox, counters, client id, list and words (spec: inboxes.md; data.md)."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.config import Config
from mailroom.domains.claims import domain_of
from mailroom.domains.reach import ground, ground_keys
from mailroom.errors import LimitExceeded, NotFound, RaceCondition, ResourceDeleting, ResourceTaken
from mailroom.inboxes.access import in_reach
from mailroom.inboxes.model import CreateInbox, chosen_address, inbox, stored
from mailroom.inboxes.names import readable_username
from mailroom.inboxes.record import AddressRecord, InboxRecord, live
from mailroom.inboxes.words import added
from mailroom.lists import suppression
from mailroom.organizations.limits import inbox_limit, when_reached
from mailroom.store import keys
from mailroom.store.port import (
    Absent,
    Action,
    Add,
    AnyOf,
    AtMost,
    Check,
    Equals,
    Item,
    ItemStore,
    Key,
    Present,
    Put,
    TransactionCancelled,
    Update,
    all_of,
    any_of,
)
from mailroom.store.races import attempts

RESERVED_MS = 30 * 24 * 3600 * 1000
"""How long a freed address stays with its organization, so that nobody else receives its mail."""


class Place(NamedTuple):
    """Where a new inbox goes."""

    organization_id: str
    pod_id: str
    email: str
    still: tuple[Check, ...] = ()
    """Conditions on what it stands on."""


def create_inbox(
    caller: Caller, body: CreateInbox, *, items: ItemStore, clock: Clock, config: Config, pod_id: str | None = None
) -> dict[str, Any]:
    """The new `Inbox`, or the one that has the same client id.

    Raises ValidationError, NotFound (domain or pod), Unprocessable, DomainNotVerified, LimitExceeded, ResourceTaken,
    ResourceDeleting, RaceCondition.
    """
    name, domain = chosen_address(body)
    for _ in attempts():
        existing = _replay(caller, body.get("client_id"), pod_id, items=items)
        if existing is not None:
            return inbox(existing)
        email = f"{name or readable_username()}@{domain or config.domain}"
        try:
            return inbox(_create(caller, body, email, pod_id, items=items, clock=clock, config=config))
        except TransactionCancelled:
            continue
        except (LimitExceeded, ResourceTaken) as refused:
            # The same call at the same moment may have made it since we looked.
            if (existing := _replay(caller, body.get("client_id"), pod_id, items=items)) is not None:
                return inbox(existing)
            if name is not None or isinstance(refused, LimitExceeded):
                raise
    raise RaceCondition


def _replay(caller: Caller, client_id: str | None, pod_id: str | None, *, items: ItemStore) -> InboxRecord | None:
    o = caller.organization_id
    mapped = items.get(keys.client_id(o, "inbox", client_id)) if client_id else None
    row = items.get(keys.inbox(o, mapped["id"])) if mapped else None
    return in_reach(caller, row, pod_id=pod_id) if row and "state" not in row else None


def _create(
    caller: Caller, body: CreateInbox, email: str, pod_id: str | None, *, items: ItemStore, clock: Clock, config: Config
) -> InboxRecord:
    o, now = caller.organization_id, clock()
    organization_key, address_key, suppression_key = keys.organization(o), keys.address(email), suppression.key(o, email)
    named, domain = pod_id or caller.pod_id, domain_of(email)
    needed = [organization_key, *([keys.pod(o, named)] if named else [])]
    rows = items.batch_get([*needed, address_key, suppression_key, *ground_keys(domain, default_domain=config.domain)])
    if any("state" in rows.get(key, {"state": "gone"}) for key in needed):
        raise NotFound
    site = ground(o, domain, named, rows, default_domain=config.domain)
    organization = rows[organization_key]
    limit = inbox_limit(organization, config)
    if limit is not None and organization["inbox_count"] >= limit:
        raise LimitExceeded("Inbox limit reached", fix=when_reached(organization, "an inbox"))
    _refuse_taken(o, rows.get(address_key), now)
    place = Place(o, site.pod_id or named or organization["default_pod_id"], email, site.still)
    record = _record(place, body, now)
    if (former := rows.get(address_key)) is not None:
        record["reused_after"] = former["released_at"]
    welcome = suppression.lifting(o, email, rows.get(suppression_key))
    items.transact([*_creation(place, record, now), *_counting(place, limit), *welcome])
    return record


def first_inbox(place: Place, now: int, *, items: ItemStore) -> list[Action]:
    """The inbox of an organization that is made in the same transaction, with its pod, and counts the inbox itself. The transaction
    fails where the address was taken meanwhile. Raises ResourceTaken."""
    former = items.get(keys.address(place.email))
    _refuse_taken(place.organization_id, former, now)
    record = _record(place, {}, now)
    if former is not None:
        record["reused_after"] = former["released_at"]
    return _creation(place, record, now)


def _refuse_taken(o: str, address: Item | None, now: int) -> None:
    if address is None:
        return
    ours = address["organization_id"] == o
    if address["state"] == "deleting" and ours:
        raise ResourceDeleting("The inbox of this address is being deleted", retry_after=1)
    if address["state"] == "released" and (ours or address["released_at"] <= now - RESERVED_MS):
        return
    raise ResourceTaken("The address is taken", fix="Choose another username.")


def _record(place: Place, body: CreateInbox, now: int) -> InboxRecord:
    record = InboxRecord(inbox_id=place.email, pod_id=place.pod_id, created_at=now, updated_at=now, ver=now)
    if "display_name" in body:
        record["display_name"] = body["display_name"]
    if "client_id" in body:
        record["client_id"] = body["client_id"]
    if body.get("status") == "paused":
        record["status"] = "paused"
    metadata = stored(dict(body.get("metadata", {})))
    if metadata:
        record["metadata"] = metadata
    return record


def _creation(place: Place, record: InboxRecord, now: int) -> list[Action]:
    o, email = place.organization_id, place.email
    address = AddressRecord(organization_id=o, inbox_id=email, pod_id=place.pod_id, state="live")
    if "status" in record:
        address["paused"] = True
    actions: list[Action] = [
        Put(keys.address(email), cast(Item, address), _free_for(o, now)),
        Put(keys.inbox(o, email), cast(Item, record), Absent()),
        Put(listing_key(o, record), {"by_pod": keys.inbox_list_of_pod(o, place.pod_id)}),
        *added(o, record),
        *place.still,
    ]
    if "client_id" in record:
        actions.append(Put(keys.client_id(o, "inbox", record["client_id"]), {"id": email}, Absent()))
    return actions


def _counting(place: Place, limit: int | None) -> list[Action]:
    o, below_limit = place.organization_id, Present() if limit is None else AtMost("inbox_count", limit - 1)
    return [
        Update(keys.organization(o), (Add("inbox_count", 1),), below_limit),
        Update(keys.pod(o, place.pod_id), (Add("inbox_count", 1),), live()),
    ]


def _free_for(o: str, now: int) -> AnyOf:
    released = Equals("state", "released")
    return any_of(
        Absent(),
        all_of(released, Equals("organization_id", o)),
        all_of(released, AtMost("released_at", now - RESERVED_MS)),
    )


def listing_key(o: str, record: InboxRecord) -> Key:
    """The idx row by which the organization's (and, through its index, the pod's) list finds the inbox."""
    return Key("idx", keys.inbox_list(o), keys.listing_sort(record["created_at"], record["inbox_id"]))
