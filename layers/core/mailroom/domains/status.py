"""What a domain's status is, and what it becomes: pure functions (spec: domains.md, "Status").

    NOT_STARTED ── verify ──> PENDING ⇄ INVALID ⇄ VERIFYING ──> VERIFIED
                                 ^         ^        │    ^          │
                                 └─────────┴────────┼────┼──────────┘ asked, or three checks failed
                                                  FAILED ┘ verify

Records decide first, then the provider. Each function returns a new record with the next version.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, cast

from mailroom.domains.checks import Looked
from mailroom.domains.record import OPTIONAL, DnsRecord, DomainRecord, Status
from mailroom.ports import IdentityState

HOUR_MS = 3_600_000
CONFIRMED_WITHIN_MS = 72 * HOUR_MS
"""The provider's time to say yes once all records are there."""
FAILURES = 3
"""Automatic checks in a row that put a VERIFIED domain back."""

AWAITED = IdentityState("pending", "pending", sends=False)
"""Of a provider that was not asked yet, or has only begun to look."""


class Seen(NamedTuple):
    """What one check found."""

    record: DomainRecord
    """The domain as it was, but for what the provider wants of it now."""
    looked: Sequence[Looked]
    """What there is of that."""
    state: IdentityState
    asked: bool
    """By somebody who wants to know now; not by a timer."""


class Verdict(NamedTuple):
    status: Status
    reason: str | None


def complete(records: Iterable[DnsRecord]) -> bool:
    """Whether all that verification waits for is there."""
    return all(each["status"] == "VALID" for each in _required(records))


def verdict(records: Sequence[DnsRecord], state: IdentityState, *, waited_ms: int = 0) -> Verdict:
    """`waited_ms`: since all records were there."""
    statuses = {each["status"] for each in _required(records)}
    if "MISSING" in statuses:
        return Verdict("PENDING", "dns_records_missing")
    if "INVALID" in statuses:
        return Verdict("INVALID", "dns_records_invalid")
    reason = _providers_reason(state)
    if reason is None:
        return Verdict("VERIFIED", None)
    return Verdict("FAILED" if refuses(state) or waited_ms >= CONFIRMED_WITHIN_MS else "VERIFYING", reason)


def refuses(state: IdentityState) -> bool:
    """The provider's final no: it looks no further unless it is asked to."""
    return "failed" in (state.dkim, state.mail_from)


def asked(record: DomainRecord, now: int) -> DomainRecord:
    """Somebody called verify: a new series of checks begins. Only a VERIFIED domain stays what it is until the check is done; of
    all others the provider's word is awaited anew."""
    after = _next_version(record)
    after["asked_at"] = after["watched_since"] = now
    after.pop("confirming_since", None)
    if record["status"] != "VERIFIED":
        _become(after, verdict(record["records"], AWAITED))
    return _touched(record, after, now)


def checked(record: DomainRecord, seen: Seen, now: int) -> DomainRecord:
    """After a check; one that was asked for begins a new series. Before the first call of verify only the records are noted."""
    after = _next_version(seen.record)
    after["records"], after["checked_at"] = [each.record for each in seen.looked], now
    if record["status"] != "NOT_STARTED":
        if seen.asked:
            after["watched_since"] = now
        _settle(after, seen, now)
    return _touched(record, after, now)


def _settle(after: DomainRecord, seen: Seen, now: int) -> None:
    _note_provider(after, seen.state)
    if complete(after["records"]):
        after.setdefault("confirming_since", now)
    else:
        after.pop("confirming_since", None)
    found = verdict(after["records"], seen.state, waited_ms=now - after.get("confirming_since", now))
    if after["status"] == "VERIFIED" != found.status and _stands(after, seen):
        return
    after.pop("failures", None)
    if found.status == "VERIFIED":
        after.setdefault("verified_at", now)
        after.pop("confirming_since", None)
        after.pop("withdrawn", None)
    _become(after, found)


def _stands(after: DomainRecord, seen: Seen) -> bool:
    """Whether a VERIFIED domain outlives a check that it did not pass; counts it. A name that could not be looked up proves
    nothing, neither now nor by what was found there last."""
    objections = [each for each in seen.looked if each.known and each.record["status"] != "VALID"]
    if not _required(each.record for each in objections) and _providers_reason(seen.state) is None:
        return True
    if seen.asked:
        return False
    after["failures"] = after.get("failures", 0) + 1
    return after["failures"] < FAILURES


def _note_provider(after: DomainRecord, state: IdentityState) -> None:
    """Mail of a domain that was VERIFIED once goes out as long as the provider takes it."""
    if state.sends:
        after.pop("withdrawn", None)
    elif "verified_at" in after:
        after["withdrawn"] = True


def _providers_reason(state: IdentityState) -> str | None:
    """The words of the specification for what the provider has not confirmed; a refusal before anything that may pass."""
    said = (("dkim", state.dkim), ("mail_from", state.mail_from))
    lacking = [f"ses_{what}_{word}" for what, word in sorted(said, key=lambda each: each[1] != "failed") if word != "success"]
    if lacking:
        return lacking[0]
    return None if state.sends else "ses_not_verified_for_sending"


def _required(records: Iterable[DnsRecord]) -> list[DnsRecord]:
    return [each for each in records if each["purpose"] not in OPTIONAL]


def _become(after: DomainRecord, found: Verdict) -> None:
    after["status"] = found.status
    after.pop("reason", None)
    if found.reason is not None:
        after["reason"] = found.reason


def _next_version(record: DomainRecord) -> DomainRecord:
    after = record.copy()
    after["ver"] = record["ver"] + 1
    return after


def _touched(before: DomainRecord, after: DomainRecord, now: int) -> DomainRecord:
    """`updated_at` moves with what callers see."""
    shown = ("status", "reason", "records")
    if any(cast(dict[str, object], before).get(name) != cast(dict[str, object], after).get(name) for name in shown):
        after["updated_at"] = max(now, before["updated_at"] + 1)
    return after
