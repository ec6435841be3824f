"""Help with publishing the records at the DNS provider (spec: domains.md, "Setup link")."""

from __future__ import annotations

from typing import Any

from mailroom.callers import Caller
from mailroom.domains.access import require_domain
from mailroom.domains.exchangers import exchangers, provider_of
from mailroom.ports import Resolver
from mailroom.store.port import ItemStore


def get_setup_link(caller: Caller, domain_id: str, *, items: ItemStore, resolver: Resolver) -> dict[str, Any]:
    """`GetSetupLinkResponse`: no provider's own setup pages are supported, but who takes the mail now is told. Raises NotFound."""
    record = require_domain(caller, domain_id, items=items)
    link: dict[str, Any] = {"supported": False}
    conflicting = provider_of(exchangers(record["domain"], resolver=resolver), own=record["inbound_host"])
    return link if conflicting is None else {**link, "conflicting_provider": conflicting}
