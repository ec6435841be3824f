"""DMARC (RFC 7489): what the domain of From asks for, and whether SPF or DKIM speaks for that very domain."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, cast

from local.dkim_check import Signature
from local.spf_check import Spf
from mailroom.mail.addresses import ascii_domain
from mailroom.mail.alignment import aligned, organizational
from mailroom.ports import LookupFailed, Resolver

Request = Literal["none", "quarantine", "reject"]

_REQUESTS: tuple[Request, ...] = ("none", "quarantine", "reject")
_RECORD = re.compile(r"v[ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
_MAX_RECORD = 4096


class Policy(NamedTuple):
    request: Request
    strict_spf: bool = False
    strict_dkim: bool = False


Found = tuple[str, Policy | LookupFailed | None]
"""An author's domain, and what is known of its policy."""


class Dmarc(NamedTuple):
    outcome: Literal["pass", "fail", "unknown", "nothing"]
    """`nothing`: the domain has no policy. `unknown`: DNS did not answer."""
    request: Request = "none"
    """Where it failed."""


def discover(domain: str, resolver: Resolver) -> Policy | None:
    """Of the domain itself, else of its organizational domain (RFC 7489, 6.6.3). `pct` is ignored. Raises LookupFailed."""
    if records := _records(domain, resolver):
        return _policy(records, "p")
    above = organizational(domain)
    return _policy(_records(above, resolver), "sp") if above != domain else None


def judge(author: str, policy: Policy | None, spf: Spf, signatures: Sequence[Signature]) -> Dmarc:
    """Only what speaks for the author's domain counts: that DNS did not answer for another one excuses nothing."""
    if policy is None:
        return Dmarc("nothing")
    outcomes = {each.outcome for each in signatures if _speaks(each.domain, author, strict=policy.strict_dkim)}
    if _speaks(spf.domain, author, strict=policy.strict_spf):
        outcomes.add(spf.outcome)
    if "pass" in outcomes:
        return Dmarc("pass")
    return Dmarc("unknown") if "unknown" in outcomes else Dmarc("fail", policy.request)


def judge_all(found: Sequence[Found], spf: Spf, signatures: Sequence[Signature]) -> Dmarc:
    """Of a mail with several authors' domains, the worst."""
    each = [Dmarc("unknown") if isinstance(of, LookupFailed) else judge(name, of, spf, signatures) for name, of in found]
    return min(each, key=_badness, default=Dmarc("nothing"))


def _badness(found: Dmarc) -> tuple[int, int]:
    return ("fail", "unknown", "nothing", "pass").index(found.outcome), -_REQUESTS.index(found.request)


def _speaks(domain: str, author: str, *, strict: bool) -> bool:
    return (ascii_domain(domain) == author and bool(author)) if strict else aligned(domain, author)


def _records(domain: str, resolver: Resolver) -> list[str]:
    return [value for value in resolver.look_up(f"_dmarc.{domain}", "TXT") if _RECORD.match(value)]


def _policy(records: Sequence[str], tag: Literal["p", "sp"]) -> Policy | None:
    if len(records) != 1 or len(records[0]) > _MAX_RECORD:
        return None
    tags: dict[str, str] = {}
    for part in records[0].split(";"):
        name, _, value = part.partition("=")
        tags.setdefault(name.strip().lower(), value.strip())
    request = tags.get(tag, tags.get("p", "")).lower()
    if request not in _REQUESTS:
        if "rua" not in tags:
            return None
        request = "none"
    return Policy(cast(Request, request), strict_spf=tags.get("aspf") in ("s", "S"), strict_dkim=tags.get("adkim") in ("s", "S"))
