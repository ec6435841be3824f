"""Writing a changed domain: its row, its claim and its place among the due ones, for one transaction."""

from __future__ import annotations

from typing import cast

from mailroom.domains import schedule
from mailroom.domains.record import DomainRecord, claim_of
from mailroom.store import keys
from mailroom.store.port import Action, AllOf, Check, Equals, Item, Put, all_of


def written(o: str, before: DomainRecord, after: DomainRecord) -> list[Action]:
    """The row first, under the condition that it is `before`; then the claim, which must still be the organization's. `after` has
    another version."""
    row = Put(keys.domain(o, after["domain"]), cast(Item, dict(after)), Equals("ver", before["ver"]))
    claim, key = claim_of(o, after), keys.domain_claim(after["domain"])
    changed = claim != claim_of(o, before)
    held = Put(key, cast(Item, dict(claim)), held_by(o)) if changed else Check(key, held_by(o))
    return [row, held, *schedule.moved(o, before, after)]


def held_by(o: str) -> AllOf:
    """The condition on a claim that it is this organization's."""
    return all_of(Equals("organization_id", o), Equals("state", "live"))
