"""Whether a name may be registered, and whether that takes a proof of ownership (spec: domains.md, "Create"; docs/decisions/0017).

One family (`keys.domain_family`) holds every name above and below a name, sorted so that those below are one short range. Each
registration counts the family up under the condition that nobody else has since it looked.
"""

from __future__ import annotations

from typing import NamedTuple, cast

from mailroom.domains.claims import ancestry
from mailroom.domains.record import ClaimRecord, DomainRecord, claim_of
from mailroom.errors import AlreadyExists, ResourceTaken
from mailroom.store import keys
from mailroom.store.port import Absent, Action, Condition, Equals, Fetched, Item, Key, Put, Query, Reads, Set, Update, all_of

MOST_BELOW = 50
"""Names below that are looked at. Where there are more, somebody else's may be among them."""


class Family(NamedTuple):
    """The surroundings of a name when they were read."""

    claim: ClaimRecord | None
    above: list[ClaimRecord]
    below: list[Item]
    version: int | None


def family_reads(name: str) -> Reads:
    return Reads((*_claims(name), keys.family_version(name)), (_below(name),))


def family_of(name: str, fetched: Fetched) -> Family:
    own, *above = (cast(ClaimRecord | None, fetched.items.get(key)) for key in _claims(name))
    version = fetched.items.get(keys.family_version(name))
    return Family(
        claim=own,
        above=[claim for claim in above if claim is not None and claim["state"] == "live"],
        below=fetched.pages[_below(name)],
        version=None if version is None else version["ver"],
    )


def refuse_claimed(o: str, family: Family) -> None:
    """Raises AlreadyExists, ResourceTaken."""
    if family.claim is None or family.claim["state"] != "live":
        return
    if family.claim["organization_id"] == o:
        raise AlreadyExists("The domain is registered already", fix="Use the domain that is there, or delete it first.")
    raise ResourceTaken("The domain is taken", fix="Use another domain, or a subdomain of your own.")


def needs_proof(o: str, family: Family) -> bool:
    """Whether DNS or the provider may know the name, or say something about it, because of another organization."""
    others = [each["organization_id"] for each in (family.claim, *family.above) if each is not None]
    others += [row["organization_id"] for row in family.below]
    return any(other != o for other in others) or len(family.below) > MOST_BELOW


def claiming(o: str, record: DomainRecord, family: Family) -> list[Action]:
    """Cancelled where the name or its family has changed since they were read."""
    name = record["domain"]
    seen: Condition = Absent() if family.version is None else Equals("ver", family.version)
    return [
        Put(keys.domain_claim(name), cast(Item, dict(claim_of(o, record))), _unchanged(family.claim)),
        Update(keys.family_version(name), (Set("ver", (family.version or 0) + 1),), seen),
        Put(keys.family_domain(name), {"organization_id": o}),
    ]


def _unchanged(claim: ClaimRecord | None) -> Condition:
    if claim is None:
        return Absent()
    return all_of(Equals("organization_id", claim["organization_id"]), Equals("released_at", claim["released_at"]))


def _claims(name: str) -> list[Key]:
    return [keys.domain_claim(each) for each in ancestry(name)]


def _below(name: str) -> Query:
    low, high = keys.names_below(name)
    return Query("core", keys.domain_family(name), MOST_BELOW + 1, low, high)
