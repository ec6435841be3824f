"""Whether anybody may sign up now: the one endpoint that asks for no credential is switched on by the operator, and takes a few
requests an hour from each network address (spec: limits.md, "Request rate")."""

from __future__ import annotations

from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from mailroom.errors import Forbidden, RateLimited
from mailroom.http.endpoint import Request
from mailroom.store import keys
from mailroom.store.port import Add, AtMost, ConditionFailed, Key, Lacks, Set, any_of

HOUR_S = 3600
_NETWORK_BITS = 64


class _Window(NamedTuple):
    key: Key
    ends_s: int


def sign_up_gate(request: Request) -> None:
    """Looks before anything else is looked at. Raises Forbidden, RateLimited."""
    config = request.runtime.config
    if not config.sign_up:
        raise Forbidden("Sign-up is switched off in this deployment", fix="Ask its operator for an API key.")
    window = _window(request)
    row = request.items.get(window.key)
    if row is not None and row["n"] >= config.sign_up_limit:
        raise _too_many(request, window)


def count_sign_up(request: Request) -> None:
    """One more from this address: a request that makes sense, whatever comes of it. Raises RateLimited."""
    window = _window(request)
    below = any_of(Lacks("n"), AtMost("n", request.runtime.config.sign_up_limit - 1))
    try:
        request.items.update(window.key, (Add("n", 1), Set("ttl", window.ends_s + HOUR_S)), below)
    except ConditionFailed:
        raise _too_many(request, window) from None


def _window(request: Request) -> _Window:
    window = request.runtime.clock() // 1000 // HOUR_S
    return _Window(keys.sign_ups(_source(request), window), (window + 1) * HOUR_S)


def _too_many(request: Request, window: _Window) -> RateLimited:
    fix = f"A network address may sign up {request.runtime.config.sign_up_limit} times an hour."
    return RateLimited("Too many sign-ups", fix=fix, retry_after=max(window.ends_s - request.runtime.clock() // 1000, 1))


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
