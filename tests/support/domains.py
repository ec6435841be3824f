"""Domains as tests register, verify and look at them."""

from __future__ import annotations

import uuid
from typing import Any, cast

from mailroom.domains.record import claim_of, record_of
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Set
from tests.support.stacks import Strict

VERIFIED_AT = 1_750_000_000_000


def new_name() -> str:
    return f"d{uuid.uuid4().hex[:12]}.example.com"


def registered(http: Strict, base: str = "", **body: Any) -> dict[str, Any]:
    answer = http.post(f"{base}/domains", body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def unproven(domain: dict[str, Any]) -> bool:
    """Whether a proof of ownership is among the records."""
    return any(each["name"] == f"_mailroom.{domain['domain']}" for each in domain["records"])


def verify(o: str, name: str, *, items: ItemStore, **more: Any) -> None:
    """As if all checks had passed, put there directly: they are tested elsewhere."""
    key = keys.domain(o, name)
    changes: dict[str, Any] = {"status": "VERIFIED", "verified_at": VERIFIED_AT, **more}
    row = items.update(key, [Set(attribute, value) for attribute, value in changes.items()])
    items.put(keys.domain_claim(name), cast(Item, dict(claim_of(o, record_of(row)))))
