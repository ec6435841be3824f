"""What callers send about a domain, and the `Domain` and `DomainItem` they get back (spec: domains.md)."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict

from mailroom.clock import to_wire
from mailroom.domains.record import DnsRecord, DomainRecord
from mailroom.http.body import Body, boolean, checked, client_id, object_of, string
from mailroom.mail.addresses import check_domain


class UpdateDomain(TypedDict):
    feedback_enabled: NotRequired[bool]
    inbound_enabled: NotRequired[bool]
    subdomains_enabled: NotRequired[bool]
    tracking_enabled: NotRequired[bool]


class CreateDomain(UpdateDomain):
    domain: str
    """In lower case and ASCII."""
    allow_conflicting_provider: NotRequired[bool]
    client_id: NotRequired[str]


FLAGS = ("feedback_enabled", "inbound_enabled", "subdomains_enabled", "tracking_enabled")
_FLAG_SCHEMAS: dict[str, Any] = {name: boolean() for name in FLAGS}


def _name(value: str) -> str:
    name = check_domain(value)
    if "." not in name:
        raise ValueError("A domain should have at least two labels")
    return name


CREATE_DOMAIN: Body[CreateDomain] = Body(
    object_of(
        ("domain",),
        domain=checked(string(), _name),
        allow_conflicting_provider=boolean(),
        client_id=client_id(),
        **_FLAG_SCHEMAS,
    )
)
UPDATE_DOMAIN: Body[UpdateDomain] = Body(object_of(update=True, **_FLAG_SCHEMAS))


def domain(record: DomainRecord) -> dict[str, Any]:
    """The `Domain` of the wire."""
    shown = domain_item(record)
    shown["status"] = record["status"]
    if "reason" in record and record["status"] != "VERIFIED":
        shown["reason"] = record["reason"]
    shown["records"] = [_dns_record(each) for each in record["records"]]
    return shown


def domain_item(record: DomainRecord) -> dict[str, Any]:
    """The `DomainItem` of lists."""
    shown: dict[str, Any] = {"domain_id": record["domain"], "domain": record["domain"]}
    shown |= {name: value for name, value in record.items() if name in ("pod_id", "client_id", *FLAGS)}
    return {**shown, "updated_at": to_wire(record["updated_at"]), "created_at": to_wire(record["created_at"])}


def _dns_record(record: DnsRecord) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "purpose"}
