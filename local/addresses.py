"""Which envelope addresses are ours (design: flows.md, "Mail in"), and where reports of our mail come back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from mailroom.domains.claims import ancestry, claim_keys, domain_of, standing
from mailroom.domains.dns import RETURN_PATH_LABEL
from mailroom.mail.addresses import MAX_LOCAL
from mailroom.store import keys
from mailroom.store.port import Item, Key

if TYPE_CHECKING:
    from mailroom.store.port import ItemStore

Kind = Literal["inbox", "unknown", "foreign"]

_SUBDOMAIN_MARK = "="
"""No inbox has it in its name."""


def normalized(address: str) -> str:
    """Lower case, without a `+tag`."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}".lower()


def classify(address: str, *, items: ItemStore, domain: str) -> Kind:
    """`inbox`: takes mail. `unknown`: ours, but nobody there. `foreign`: not ours, or at a custom domain that does not receive
    here. `domain` is the default one."""
    name = domain_of(address)
    forms = [keys.address(each) for each in dict.fromkeys((address.lower(), normalized(address)))]
    rows = items.batch_get([*forms, *claim_keys(name, default_domain=domain)])
    found = [rows[key] for key in forms if key in rows][:1]
    if any(_is_live(row) and _receives(row, name, rows, domain) for row in found):
        return "inbox"
    if name == domain or _nobody_there(name, rows):
        return "unknown"
    # The deployment's former default domains have no claim.
    claimed = any(keys.domain_claim(each) in rows for each in ancestry(name))
    return "unknown" if found and not claimed else "foreign"


def bounce_address(inbox: str, registered: str) -> str:
    """The return path of an inbox's mail: its name at `mail.{registered}`, whose DNS names us; of `ann@x.example.com` on
    `example.com` it is `ann=x@mail.example.com`. The inbox itself where that is too long for a local part."""
    local, _, name = inbox.rpartition("@")
    if below := name.removesuffix(registered).rstrip("."):
        local += _SUBDOMAIN_MARK + below
    return f"{local}@{RETURN_PATH_LABEL}.{registered}" if len(local) <= MAX_LOCAL else inbox


def bounced_to(address: str, *, items: ItemStore, domain: str) -> str | None:
    """The inbox that a return path belongs to, whether its domain receives other mail here or not; None where there is none."""
    label, _, registered = domain_of(address).partition(".")
    if label != RETURN_PATH_LABEL or "." not in registered:
        return None
    local, _, below = normalized(address).rpartition("@")[0].partition(_SUBDOMAIN_MARK)
    name = f"{below}.{registered}" if below else registered
    inbox = keys.address(f"{local}@{name}")
    own = keys.domain_claim(f"{label}.{registered}")
    rows = items.batch_get([inbox, own, *claim_keys(name, default_domain=domain)])
    row = rows.get(inbox)
    if row is None or not _is_live(row) or _is_others(rows.get(own), row["organization_id"]):
        return None
    at = standing(row["organization_id"], name, rows, default_domain=domain)
    return str(row["inbox_id"]) if at.domain == registered else None


def signing_domain(o: str, inbox: str, rows: Mapping[Key, Item], *, domain: str) -> str | None:
    """The registered domain whose key signs the inbox's mail; None on the deployment's own, and where the domain does not send.
    `rows` are those of `claim_keys` that exist."""
    at = standing(o, domain_of(inbox), rows, default_domain=domain)
    return at.domain if at.sends else None


def _is_live(row: Item) -> bool:
    return bool(row.get("state", "live") == "live")


def _receives(row: Item, name: str, rows: Mapping[Key, Item], domain: str) -> bool:
    return name == domain or standing(row["organization_id"], name, rows, default_domain=domain).receives


def _nobody_there(name: str, rows: Mapping[Key, Item]) -> bool:
    """Whether mail for the name comes here: so says the most specific domain that was ever verified. Somebody who only claims a
    domain must not keep everybody's mail from it."""
    for each in ancestry(name):
        row = rows.get(keys.domain_claim(each))
        if row is not None and _is_proven(row):
            return bool(row["receives" if each == name else "subdomains"])
    return False


def _is_proven(claim: Item) -> bool:
    return bool(claim["state"] == "live" and claim["sends"])


def _is_others(claim: Item | None, o: str) -> bool:
    """A claim that was never verified takes nothing from the one above it."""
    return claim is not None and claim["organization_id"] != o and _is_proven(claim)
