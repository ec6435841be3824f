"""All records of a domain, looked up side by side: the slowest name server decides how long it takes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from mailroom import log
from mailroom.domains.checks import Looked, judged
from mailroom.domains.record import DnsRecord
from mailroom.ports import LookupFailed, Resolver

AT_ONCE = 10
"""As many as a domain has."""


def look(records: Sequence[DnsRecord], *, resolver: Resolver) -> list[Looked]:
    """In their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        looked = list(pool.map(lambda each: _look(each, resolver), records))
    _note_unknown(looked)
    return looked


def _look(record: DnsRecord, resolver: Resolver) -> Looked:
    try:
        found = resolver.look_up(record["name"], record["type"])
    except LookupFailed:
        return Looked(record, known=False)
    return Looked(judged(record, found), known=True)


def _note_unknown(looked: Iterable[Looked]) -> None:
    unknown = sum(not each.known for each in looked)
    if unknown:
        log.logger.info("names that could not be looked up", count=unknown)
