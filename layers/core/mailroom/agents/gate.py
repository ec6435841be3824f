"""Whether anybody may sign up now: the one endpoint that asks for no credential is switched on by the operator, and takes a few
requests an hour from each network address (spec: limits.md, "Request rate")."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address

from mailroom.errors import Forbidden, RateLimited
from mailroom.http.endpoint import Request
from mailroom.store import keys
from mailroom.store.port import Add, AtMost, ConditionFailed, Lacks, Set, any_of

HOUR_S = 3600
_NETWORK_BITS = 64


def sign_up_gate(request: Request) -> None:
    """Counts the request. Raises Forbidden, RateLimited."""
    config = request.runtime.config
    if not config.sign_up:
        raise Forbidden("Sign-up is switched off in this deployment", fix="Ask its operator for an API key.")
    second = request.runtime.clock() // 1000
    window = second // HOUR_S
    ends = (window + 1) * HOUR_S
    below = any_of(Lacks("n"), AtMost("n", config.sign_up_limit - 1))
    try:
        request.items.update(keys.sign_ups(_source(request), window), (Add("n", 1), Set("ttl", ends + HOUR_S)), below)
    except ConditionFailed:
        fix = f"A network address may sign up {config.sign_up_limit} times an hour."
        raise RateLimited("Too many sign-ups", fix=fix, retry_after=ends - second) from None


def _source(request: Request) -> str:
    """The caller's address as the gateway saw it; of IPv6 the network, because whoever has one address has all of them."""
    context = request.event.get("requestContext") or {}
    text = str((context.get("identity") or {}).get("sourceIp") or "")
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return text
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(IPv6Network((address, _NETWORK_BITS), strict=False))
    return str(address)
