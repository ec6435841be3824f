"""What DNS holds, against what it should hold (spec: domains.md, "Record check"). Values are as `ports.Resolver` hands them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from mailroom.domains.record import DnsRecord, Purpose

Finding = Literal["right", "wrong", "beside"]
"""Of one value: the expected one, something else in its place, or nothing that matters to this record."""


class Looked(NamedTuple):
    record: DnsRecord
    known: bool
    """Whether there was an answer: without one the record is as it was."""


_DMARC_POLICIES = {"none", "quarantine", "reject"}


def judged(record: DnsRecord, found: Sequence[str]) -> DnsRecord:
    """The record with what was found out about it."""
    after = record.copy()
    after.pop("reason", None)
    after["status"] = "MISSING"
    if found:
        after["status"] = "VALID"
        if (reason := _objection(record, found)) is not None:
            after["status"], after["reason"] = "INVALID", reason
    return after


def _objection(record: DnsRecord, found: Sequence[str]) -> Literal["duplicate_records", "value_mismatch"] | None:
    findings = [_FINDERS[record["purpose"]](record, value) for value in found]
    if "right" not in findings:
        return "value_mismatch"
    alone = findings.count("right") + findings.count("wrong") == 1
    return None if alone or record["purpose"] in _SHARED else "duplicate_records"


def _mx(record: DnsRecord, value: str) -> Finding:
    return _exact(_host(record["value"]) == _host(value.partition(" ")[2]))


def _cname(record: DnsRecord, value: str) -> Finding:
    return _exact(_host(record["value"]) == _host(value))


def _dkim(record: DnsRecord, value: str) -> Finding:
    """Of a key that is published as text only the key itself counts, which some providers break into pieces."""
    if record["type"] == "CNAME":
        return _cname(record, value)
    key = _tags(record["value"]).get("p")
    return _exact(bool(key) and _tags(value).get("p") == key)


def _spf(record: DnsRecord, value: str) -> Finding:
    """Text that is no SPF record may stand beside. What follows `all` is never reached (RFC 7208, 5.1)."""
    version, *terms = value.lower().split() or [""]
    if version != "v=spf1":
        return "beside"
    wanted = [term for term in record["value"].lower().split()[1:] if _mechanism(term) != "all"]
    ends = next((place for place, term in enumerate(terms) if _mechanism(term) == "all"), len(terms))
    passed = {term.removeprefix("+") for term in terms[:ends]}
    return _exact(passed.issuperset(wanted))


def _dmarc(record: DnsRecord, value: str) -> Finding:
    """Any policy will do; text of other kinds may stand beside (RFC 7489, 6.6.3)."""
    if "".join(value.partition(";")[0].split()) != "v=DMARC1":
        return "beside"
    return _exact(_tags(value).get("p", "").lower() in _DMARC_POLICIES)


def _ownership(record: DnsRecord, value: str) -> Finding:
    """Who can add it owns the domain, whatever stands beside: the token of a former owner, for example."""
    return "right" if value.strip() == record["value"] else "beside"


def _exact(right: bool) -> Finding:
    return "right" if right else "wrong"


def _mechanism(term: str) -> str:
    return term.lstrip("+-~?")


def _host(text: str) -> str:
    return text.strip().rstrip(".").lower()


def _tags(text: str) -> dict[str, str]:
    """Of `name=value; ...` without any white space; the first of a name counts. Names are in lower case."""
    tags: dict[str, str] = {}
    for part in "".join(text.split()).split(";"):
        name, equals, value = part.partition("=")
        if equals:
            tags.setdefault(name.lower(), value)
    return tags


_FINDERS: Mapping[Purpose, Callable[[DnsRecord, str], Finding]] = {
    "ownership": _ownership,
    "dkim": _dkim,
    "return_path": _mx,
    "spf": _spf,
    "dmarc": _dmarc,
    "inbound": _mx,
    "subdomains": _mx,
    "tracking": _cname,
}
_SHARED: frozenset[Purpose] = frozenset({"inbound", "ownership"})
"""Others may stand beside: at the apex mail is routed by priority."""
