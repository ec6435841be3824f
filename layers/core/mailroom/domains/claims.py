"""Which registered domain an address stands on, and what it may do there: asked by whoever sends and receives.

An inbox of `a@x.example.com` may stand on `x.example.com` or, as a subdomain inbox, on `example.com`: the most specific one that
its organization holds. Names that nobody ever claimed are the deployment's own: its default domain, or the one it had before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from mailroom.domains.record import ClaimRecord
from mailroom.store import keys
from mailroom.store.port import Item, Key, Reads
from mailroom.store.prefetch import PrefetchedStore

SHALLOW = 8
"""Names of this depth are read before it is known that anything is there."""


class Standing(NamedTuple):
    sends: bool = True
    receives: bool = True
    domain: str | None = None
    """The registered domain; None on the deployment's own."""
    claim: ClaimRecord | None = None


OWN = Standing()
NOWHERE = Standing(sends=False, receives=False)
"""The domain was deleted, or is another organization's now."""


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def ancestry(name: str) -> list[str]:
    """The name and those above it, without the top-level domain; the most specific first."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(max(len(labels) - 1, 1))]


def claim_keys(name: str, *, default_domain: str) -> list[Key]:
    """What `standing` looks at, to be read together with other things. Nothing for the default domain."""
    return [] if name == default_domain else [keys.domain_claim(each) for each in ancestry(name)]


def claims_ahead(address: str, *, default_domain: str) -> list[Key]:
    """The same for an address that somebody names and that may lead nowhere: it must not make us read as many rows as it has dots.
    What is left out is read once the inbox is known to be there."""
    name = domain_of(address)
    return claim_keys(name, default_domain=default_domain) if "@" in address and name.count(".") <= SHALLOW else []


def standing_of(o: str, address: str, *, items: PrefetchedStore, default_domain: str) -> Standing:
    """Of an inbox that is there. One trip for what is not at hand yet; it stays at hand."""
    name = domain_of(address)
    wanted = claim_keys(name, default_domain=default_domain)
    items.prefetch(Reads(tuple(wanted)))
    rows = {key: row for key in wanted if (row := items.peek(key)) is not None}
    return standing(o, name, rows, default_domain=default_domain)


def standing(o: str, name: str, rows: Mapping[Key, Item], *, default_domain: str) -> Standing:
    """Of an inbox of the organization whose address is at `name`; `rows` are those of `claim_keys` that exist."""
    if name == default_domain:
        return OWN
    claims = [(each, rows[key]) for each in ancestry(name) if (key := keys.domain_claim(each)) in rows]
    live = [(domain, row) for domain, row in claims if row["state"] == "live"]
    for place, (domain, row) in enumerate(live):
        if row["organization_id"] == o:
            # What is not proven takes nothing from the name above: the mail comes here by the wildcard of whoever has that.
            proven = next((each for _, each in live[place:] if each["sends"]), row)
            receives = row["receives" if domain == name else "receives_below"] and proven["organization_id"] == o
            return Standing(row["sends"], receives, domain, cast(ClaimRecord, row))
        if row["sends"]:
            # Proven to be another's, below ours: the provider would sign with their key.
            return NOWHERE
    return NOWHERE if claims else OWN
