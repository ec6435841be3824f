"""On which domains an inbox may be created (spec: inboxes.md, "Create")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from mailroom.domains.claims import ancestry, claim_keys
from mailroom.domains.record import ClaimRecord
from mailroom.errors import DomainNotVerified, NotFound, Unprocessable
from mailroom.mail.addresses import MAX_DOMAIN
from mailroom.store import keys
from mailroom.store.port import Check, Condition, Equals, Item, Key, Lacks, all_of


class Ground(NamedTuple):
    """What a new inbox stands on."""

    pod_id: str | None = None
    """The pod that the domain belongs to, and so the inbox."""
    still: tuple[Check, ...] = ()
    """Conditions under which it may be created."""


def ground_keys(name: str, *, default_domain: str) -> list[Key]:
    """What `ground` looks at. Raises NotFound for a name that cannot be registered."""
    if len(name) > MAX_DOMAIN or name.endswith(f".{default_domain}"):
        raise NotFound
    return claim_keys(name, default_domain=default_domain)


def ground(o: str, name: str, pod_id: str | None, rows: Mapping[Key, Item], *, default_domain: str) -> Ground:
    """For an inbox at `name` that is to go into a pod, or (None) anywhere. `rows` are those of `ground_keys` that exist.

    Raises NotFound, Unprocessable, DomainNotVerified.
    """
    if name == default_domain:
        return Ground()
    domain, claim = _nearest(o, name, rows)
    owner = claim.get("pod_id")
    if owner is not None and pod_id not in (None, owner):
        raise NotFound
    if domain != name and not claim["subdomains"]:
        raise Unprocessable(f"{domain} is not enabled for inboxes on its subdomains", fix="Set subdomains_enabled on the domain.")
    if not claim["sends"]:
        raise DomainNotVerified(fix="Publish the domain's records and verify it first.")
    return Ground(owner, (Check(keys.domain_claim(domain), _same(o, claim, subdomain=domain != name)),))


def _nearest(o: str, name: str, rows: Mapping[Key, Item]) -> tuple[str, ClaimRecord]:
    """The most specific domain that the organization has. One that another has proven to be its own stands in the way: mail to it
    is not for the owner of the domain above. Raises NotFound."""
    for each in ancestry(name):
        claim = cast(ClaimRecord | None, rows.get(keys.domain_claim(each)))
        if claim is None or claim["state"] != "live":
            continue
        if claim["organization_id"] == o:
            return each, claim
        if claim["sends"]:
            break
    raise NotFound


def _same(o: str, claim: ClaimRecord, *, subdomain: bool) -> Condition:
    """A domain that is deleted at the same moment must not get an inbox, nor one that was made anew in another pod."""
    return all_of(
        Equals("organization_id", o),
        Equals("state", "live"),
        Equals("sends", True),
        Equals("pod_id", claim["pod_id"]) if "pod_id" in claim else Lacks("pod_id"),
        *([Equals("subdomains", True)] if subdomain else []),
    )
