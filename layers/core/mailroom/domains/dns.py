"""What a domain's DNS should hold (spec: domains.md, "Records")."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mailroom.domains.record import DnsRecord, DomainRecord, Purpose, RecordType
from mailroom.ports import Identity

if TYPE_CHECKING:
    from mailroom.config import Config

MX_PRIORITY = 10
RETURN_PATH_LABEL = "mail"
TRACKING_LABEL = "link"
OWNERSHIP_LABEL = "_mailroom"
_SPF = ("v=spf1 ", " ~all")


class Hosts(NamedTuple):
    """The deployment's own names in other people's DNS."""

    tracking: str
    dmarc_reports: str
    """Address that aggregate reports go to."""


def hosts_of(config: Config) -> Hosts:
    """As configured, else on the default domain."""
    return Hosts(
        tracking=config.tracking_host or f"{TRACKING_LABEL}.{config.domain}",
        dmarc_reports=config.dmarc_reports or f"postmaster@{config.domain}",
    )


def expected(record: DomainRecord, identity: Identity, hosts: Hosts) -> list[DnsRecord]:
    """All records, in the order of the specification's table, MISSING until they are looked up. With an ownership token, first
    that: provider and DNS may know the name from its former owner."""
    domain = record["domain"]
    wanted = [_record("ownership", "TXT", f"{OWNERSHIP_LABEL}.{domain}", record["ownership"])] if "ownership" in record else []
    wanted += [_record("dkim", kind, name, value) for kind, name, value in identity.dkim]
    return_path = f"{RETURN_PATH_LABEL}.{domain}"
    wanted.append(_record("return_path", "MX", return_path, identity.return_path_host, MX_PRIORITY))
    wanted.append(_record("spf", "TXT", return_path, f"{_SPF[0]}{identity.spf}{_SPF[1]}"))
    wanted.append(_record("dmarc", "TXT", f"_dmarc.{domain}", f"v=DMARC1; p=reject; rua=mailto:{hosts.dmarc_reports}"))
    if record["inbound_enabled"]:
        wanted.append(_record("inbound", "MX", domain, identity.inbound_host, MX_PRIORITY))
    if record["subdomains_enabled"]:
        wanted.append(_record("subdomains", "MX", f"*.{domain}", identity.inbound_host, MX_PRIORITY))
    if record["tracking_enabled"]:
        wanted.append(_record("tracking", "CNAME", f"{TRACKING_LABEL}.{domain}", hosts.tracking))
    return wanted


def identity_of(record: DomainRecord) -> Identity:
    """What the provider said when the domain was registered, so that a change of flags need not ask it again."""
    by_purpose = {each["purpose"]: each["value"] for each in record["records"]}
    return Identity(
        dkim=tuple((each["type"], each["name"], each["value"]) for each in record["records"] if each["purpose"] == "dkim"),
        return_path_host=by_purpose["return_path"],
        spf=by_purpose["spf"].removeprefix(_SPF[0]).removesuffix(_SPF[1]),
        inbound_host=record["inbound_host"],
        foreign="ownership" in record,
    )


def renewed(before: Iterable[DnsRecord], wanted: Sequence[DnsRecord]) -> list[DnsRecord]:
    """The wanted records, with what was found out before about those that were wanted already."""
    known: Mapping[tuple[str, str, str], DnsRecord] = {_identity(each): each for each in before}
    return [known.get(_identity(each), each) for each in wanted]


def _identity(record: DnsRecord) -> tuple[str, str, str]:
    return record["type"], record["name"], record["value"]


def _record(purpose: Purpose, kind: RecordType, name: str, value: str, priority: int | None = None) -> DnsRecord:
    record = DnsRecord(purpose=purpose, type=kind, name=name, value=value, status="MISSING")
    if priority is not None:
        record["priority"] = priority
    return record
