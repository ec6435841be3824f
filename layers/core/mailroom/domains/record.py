"""How a domain is stored: the row `DOM#{domain}` of its organization, and its claim. Times are milliseconds.

The claim, `DOMAIN#{domain}`, is what other rooms read: by the name alone they learn who may send and receive there. It is written
in the same transaction as the domain's row, and stays behind when the domain is deleted (docs/decisions/0017).
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict, cast

from mailroom.store.port import Item, without_key

Status = Literal["NOT_STARTED", "PENDING", "INVALID", "FAILED", "VERIFYING", "VERIFIED"]
RecordStatus = Literal["MISSING", "INVALID", "VALID"]
RecordType = Literal["TXT", "CNAME", "MX"]
Purpose = Literal["ownership", "dkim", "return_path", "spf", "dmarc", "inbound", "subdomains", "tracking"]

OPTIONAL: frozenset[Purpose] = frozenset({"dmarc", "tracking"})
"""Records that verification does not wait for."""


class DnsRecord(TypedDict):
    """One record that the domain's owner is asked to publish, and how it was found last."""

    purpose: Purpose
    type: RecordType
    name: str
    """Fully qualified, without trailing dot."""
    value: str
    status: RecordStatus
    priority: NotRequired[int]
    reason: NotRequired[Literal["duplicate_records", "value_mismatch"]]


class DomainRecord(TypedDict):
    domain: str
    status: Status
    feedback_enabled: bool
    inbound_enabled: bool
    subdomains_enabled: bool
    tracking_enabled: bool
    records: list[DnsRecord]
    inbound_host: str
    """Where the provider takes mail, also while no record says so."""
    created_at: int
    updated_at: int
    ver: int
    pod_id: NotRequired[str]
    client_id: NotRequired[str]
    reason: NotRequired[str]
    """Why it is not VERIFIED, in the words of spec/domains.md."""
    ownership: NotRequired[str]
    """The token that must be published first, because the name has to do with another organization."""
    verified_at: NotRequired[int]
    """When it became VERIFIED for the first time."""
    withdrawn: NotRequired[bool]
    """The provider does not send for it any more."""
    asked_at: NotRequired[int]
    """Last call of verify."""
    checked_at: NotRequired[int]
    watched_since: NotRequired[int]
    """Start of the present series of automatic checks."""
    confirming_since: NotRequired[int]
    """When all records were there for the first time in this series: the provider's time to say yes runs from here."""
    failures: NotRequired[int]
    """Automatic checks in a row that a VERIFIED domain did not pass."""
    next_check_at: NotRequired[int]
    """Names its idx row among the due ones."""


class ClaimRecord(TypedDict):
    organization_id: str
    state: Literal["live", "released"]
    sends: bool
    """It was VERIFIED once, and the provider has not taken that back."""
    receives: bool
    """Not before its proof, where it needs one: inboxes of an earlier time may be there, and mail for another organization."""
    receives_below: bool
    """The same for inboxes on its subdomains: also for those that were there when subdomains were switched off."""
    subdomains: bool
    tracks: bool
    feedback: bool
    """Bounces and complaints are also mailed into the sending inbox."""
    pod_id: NotRequired[str]
    released_at: NotRequired[int]


def record_of(row: Item) -> DomainRecord:
    return cast(DomainRecord, without_key(row))


def claim_of(o: str, record: DomainRecord) -> ClaimRecord:
    """What the claim says while the domain is there."""
    proven = "ownership" not in record or "verified_at" in record
    claim = ClaimRecord(
        organization_id=o,
        state="live",
        sends="verified_at" in record and "withdrawn" not in record,
        receives=proven and record["inbound_enabled"],
        receives_below=proven and (record["inbound_enabled"] or record["subdomains_enabled"]),
        subdomains=record["subdomains_enabled"],
        tracks=record["tracking_enabled"],
        feedback=record["feedback_enabled"],
    )
    if "pod_id" in record:
        claim["pod_id"] = record["pod_id"]
    return claim
