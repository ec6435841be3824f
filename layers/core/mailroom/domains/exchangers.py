"""Whose mail servers a name has now: mail that goes elsewhere would not arrive here (spec: domains.md, "Create", "Setup link")."""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.ports import LookupFailed, Resolver

GOOGLE = "Google Workspace"
_PROVIDERS = {
    "google.com": GOOGLE,
    "googlemail.com": GOOGLE,
    "outlook.com": "Microsoft 365",
    "zoho.com": "Zoho Mail",
    "messagingengine.com": "Fastmail",
    "protonmail.ch": "Proton Mail",
    "icloud.com": "iCloud Mail",
    "yandex.net": "Yandex 360",
}
"""What the hosts of a provider end in -> its name."""


def exchangers(name: str, *, resolver: Resolver) -> tuple[str, ...]:
    """The hosts of its MX records; none where the lookup fails, because nothing is known then."""
    try:
        return tuple(value.split(" ", 1)[1] for value in resolver.look_up(name, "MX"))
    except LookupFailed:
        return ()


def provider_of(hosts: Iterable[str], *, own: str) -> str | None:
    """The first that is not our `own` host: its provider's name, or else the host."""
    for host in hosts:
        # A null MX (RFC 7505) says that the name takes no mail at all.
        if host and host != own.lower():
            return next((name for suffix, name in _PROVIDERS.items() if f".{host}".endswith(f".{suffix}")), host)
    return None


def google_among(hosts: Iterable[str]) -> bool:
    return any(provider_of([host], own="") == GOOGLE for host in hosts)
