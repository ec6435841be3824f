"""Which envelope addresses are ours (design: flows.md, "Mail in")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mailroom.store import keys

if TYPE_CHECKING:
    from mailroom.store.port import ItemStore

Kind = Literal["inbox", "unknown", "foreign"]


def normalized(address: str) -> str:
    """Lower case, without a `+tag`."""
    local, _, domain = address.rpartition("@")
    return f"{local.partition('+')[0]}@{domain}".lower()


def classify(address: str, *, items: ItemStore, domain: str) -> Kind:
    """`inbox`: takes mail. `unknown`: ours, but nobody there. `foreign`: not ours."""
    bare = normalized(address)
    for candidate in dict.fromkeys((address.lower(), bare)):
        row = items.get(keys.address(candidate))
        if row is not None:
            return "inbox" if row.get("state", "live") == "live" else "unknown"
    return "unknown" if bare.rpartition("@")[2] == domain else "foreign"
