"""Whether an arrived mail is whose it says (`MAILROOM_VERDICTS=check`): SPF, DKIM and DMARC, in the words of SES.

The three are looked at side by side, each with time of its own: what an attacker can slow down, the servers of its own domains,
must not take the time from asking the domain that it pretends to be (docs/authentication.md).
"""

from __future__ import annotations

import asyncio
import functools
import logging
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from typing import NamedTuple, TypeVar

from local import dkim_check, dmarc, spf_check
from local.dkim_check import Signature
from local.dmarc import Found
from local.lookups import Lookups
from local.notice import Verdicts
from local.spf_check import Spf
from mailroom.mail.addresses import ascii_domain
from mailroom.mail.alignment import aligned
from mailroom.mail.fields import read_header
from mailroom.mail.limits import Budget, Limits
from mailroom.mail.mailboxes import mailboxes
from mailroom.ports import LookupFailed, Resolver

T = TypeVar("T")

LONGEST_S = 20.0
"""What is not known by then stays unknown."""
MAX_AUTHORS = 5

_STATUS = {"pass": "PASS", "fail": "FAIL", "unknown": "PROCESSING_FAILED", "nothing": "GRAY"}

_log = logging.getLogger(__name__)


class Origin(NamedTuple):
    """Where a mail came from, by its SMTP session."""

    peer: str
    helo: str
    sender: str
    """Empty for the null sender."""


class Authentication:
    def __init__(self, resolver: Resolver, *, executor: Executor) -> None:
        self._resolver = resolver
        self._executor = executor

    async def verdicts(self, raw: bytes, origin: Origin) -> Verdicts:
        """Never raises, and never takes much longer than `LONGEST_S`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_S
        authors = await self._within(deadline, functools.partial(author_domains, raw), None)
        if authors is None:
            return Verdicts(dict.fromkeys(("spf", "dkim", "dmarc"), "PROCESSING_FAILED"))
        no_policies: list[Found] = [(each, LookupFailed()) for each in authors]
        no_signatures = [Signature(each, "unknown") for each in authors] or [Signature("", "unknown")]
        no_spf = Spf("unknown", origin.sender.rpartition("@")[2])
        policies, signatures, spf = await asyncio.gather(
            self._within(deadline, functools.partial(self._policies, authors), no_policies),
            self._within(deadline, functools.partial(self._signatures, raw, authors), no_signatures),
            self._within(deadline, functools.partial(self._spf, origin), no_spf),
        )
        found = dmarc.judge_all(policies, spf, signatures)
        return Verdicts(
            {"spf": _STATUS[spf.outcome], "dkim": _STATUS[dkim_outcome(signatures)], "dmarc": _STATUS[found.outcome]},
            found.request if found.outcome == "fail" else None,
        )

    def _policies(self, authors: Sequence[str]) -> list[Found]:
        lookups = Lookups(self._resolver)
        return [_discovered(each, lookups) for each in authors]

    def _signatures(self, raw: bytes, authors: Sequence[str]) -> list[Signature]:
        return dkim_check.check(
            raw, first=lambda domain: any(aligned(domain, each) for each in authors), resolver=Lookups(self._resolver)
        )

    def _spf(self, origin: Origin) -> Spf:
        return spf_check.check(peer=origin.peer, helo=origin.helo, sender=origin.sender, resolver=Lookups(self._resolver))

    async def _within(self, deadline: float, work: Callable[[], T], otherwise: T) -> T:
        try:
            async with asyncio.timeout_at(deadline):
                return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except Exception as error:  # noqa: BLE001 - the mail is accepted whatever is in it
            _log.warning("mail not checked: %s", type(error).__name__)
            return otherwise


def author_domains(raw: bytes) -> list[str]:
    """The domains of From, as whoever reads the mail later will see them; at most five."""
    header, _ = read_header(raw.removeprefix(BOM_UTF8), 0, len(raw), Budget(Limits(), []), top=True)
    domains = (ascii_domain(each.address.rpartition("@")[2]) for each in mailboxes(header.all("from")))
    return list(dict.fromkeys(filter(None, domains)))[:MAX_AUTHORS]


def dkim_outcome(signatures: Iterable[Signature]) -> dkim_check.Outcome:
    """One good signature is enough; that others do not hold means something only where none may."""
    outcomes = {each.outcome for each in signatures}
    return next((each for each in ("pass", "unknown", "fail") if each in outcomes), "nothing")


def _discovered(domain: str, lookups: Lookups) -> Found:
    try:
        return domain, dmarc.discover(domain, lookups)
    except LookupFailed as error:
        return domain, error
