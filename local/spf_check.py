"""SPF of an SMTP session (RFC 7208), by pyspf with our resolver behind it."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import spf  # type: ignore[import-untyped]

from mailroom.mail.addresses import check_domain
from mailroom.ports import LookupFailed, Resolver

MAX_RECORD = 2048
"""Characters. Macros are expanded in a time that grows faster than the record."""

Outcome = Literal["pass", "fail", "unknown", "nothing"]
"""`unknown`: DNS did not answer. `nothing`: no record, a broken one, or one that does not say (neutral, softfail)."""

_OUTCOMES: dict[str, Outcome] = {"pass": "pass", "fail": "fail", "temperror": "unknown"}
_RECORD = re.compile(r"v=spf1(?: |$)", re.IGNORECASE)


class Spf(NamedTuple):
    outcome: Outcome
    domain: str = ""
    """Whose record was asked: of MAIL FROM, for the null sender of HELO (RFC 7208, 2.4)."""


def check(*, peer: str, helo: str, sender: str, resolver: Resolver) -> Spf:
    """`peer` is the client's network address, `sender` the envelope's, empty for a report."""
    local, _, name = sender.rpartition("@") if sender else ("postmaster", "@", helo)
    try:
        domain = check_domain(name.rstrip("."))
    except ValueError:
        return Spf("nothing")
    address = f"{local.replace('@', '.') or 'postmaster'}@{domain}"
    result, *_ = _Query(peer=peer.partition("%")[0], sender=address, helo=helo, resolver=resolver).check()
    return Spf(_OUTCOMES.get(result, "nothing"), domain)


class _Query(spf.query):  # type: ignore[misc]
    """The library counts mechanisms and void lookups; what it would ask DNS directly comes from us."""

    def __init__(self, *, peer: str, sender: str, helo: str, resolver: Resolver) -> None:
        super().__init__(i=peer, s=sender, h=helo)
        self._resolver = resolver

    def dns(
        self,
        name: str,
        qtype: Literal["TXT", "MX", "A", "AAAA", "PTR"],
        cnames: object = None,
        ignore_void: bool = False,
    ) -> list[Any]:
        try:
            values = self._resolver.look_up(name, qtype)
        except LookupFailed as error:
            raise spf.TempError("DNS did not answer") from error
        if not values and not ignore_void:
            self.void_lookups += 1
            if self.void_lookups > spf.MAX_VOID_LOOKUPS:
                raise spf.PermError("Too many lookups without an answer")
        if qtype == "TXT" and any(len(value) > MAX_RECORD and _RECORD.match(value) for value in values):
            raise spf.PermError("The record is too long")
        return [_value(qtype, value) for value in values]


def _value(kind: str, value: str) -> object:
    """As the library wants it."""
    if kind == "TXT":
        return [value.encode()]
    if kind == "MX":
        preference, _, host = value.partition(" ")
        return int(preference), host
    return value
