"""DNS lookups by dnspython, without a cache: whoever asks about a domain wants to see the record that was just changed."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from mailroom.ports import LookupFailed

LIFETIME_S = 5.0
"""For one question, with all its repeats."""


class DnsResolver:
    """Implements `ports.Resolver`."""

    def __init__(self, server: tuple[str, int] | None = None) -> None:
        """`server` is address and port; None asks the system's."""
        self._server = server

    def look_up(self, name: str, kind: Literal["TXT", "CNAME", "MX", "A", "AAAA", "PTR"]) -> tuple[str, ...]:
        try:
            answer = self._resolver.resolve(name, kind, search=False, raise_on_no_answer=False)
        except (dns.resolver.NXDOMAIN, dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel):
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise LookupFailed(f"{kind} of {name}: {type(error).__name__}") from error
        return tuple(_text(each) for each in answer)

    @cached_property
    def _resolver(self) -> dns.resolver.Resolver:
        resolver = dns.resolver.Resolver(configure=self._server is None)
        if self._server is not None:
            resolver.nameservers, resolver.port = [self._server[0]], self._server[1]
        resolver.lifetime = LIFETIME_S
        return resolver


def _text(value: object) -> str:
    if isinstance(value, TXT):
        return b"".join(value.strings).decode("utf-8", "replace")
    if isinstance(value, MX):
        return f"{value.preference} {_host(value.exchange)}"
    return _host(value)


def _host(value: object) -> str:
    return str(value).rstrip(".").lower()
