"""What is asked of the domains queue: a check now, or that the provider's identity goes."""

from __future__ import annotations

from typing import Any

from mailroom.ports import Queues

QUEUE = "domains"
LATER_S = 60
"""Longer than any request that may still need the identity."""


def check_now(o: str, domain: str, *, queues: Queues) -> None:
    queues.send(QUEUE, _body(o, domain))


def remove_later(o: str, domain: str, *, queues: Queues, delay_s: int = LATER_S) -> None:
    """Has the identity removed, unless the domain is registered by then."""
    queues.send(QUEUE, {**_body(o, domain), "remove": True}, delay_s=delay_s)


def _body(o: str, domain: str) -> dict[str, Any]:
    return {"organization_id": o, "domain": domain}
