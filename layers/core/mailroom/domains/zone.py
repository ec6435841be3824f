"""A domain's records as a zone file, to be read in by DNS providers (RFC 1035, section 5; spec: domains.md, "Zone file")."""

from __future__ import annotations

from typing import NamedTuple

from mailroom.callers import Caller
from mailroom.domains.access import require_domain
from mailroom.domains.record import DnsRecord, DomainRecord
from mailroom.store.port import ItemStore

TTL_S = 300
MAX_STRING = 255
"""Bytes of one character string of a TXT record."""


class ZoneFile(NamedTuple):
    text: str
    filename: str


def get_zone_file(caller: Caller, domain_id: str, *, pod_id: str | None = None, items: ItemStore) -> ZoneFile:
    """Raises NotFound."""
    record = require_domain(caller, domain_id, pod_id=pod_id, items=items)
    return ZoneFile(zone_file(record), f"{record['domain']}.zone")


def zone_file(record: DomainRecord) -> str:
    """All names with their trailing dot: some importers do not know relative ones."""
    lines = [f"$ORIGIN {record['domain']}.", f"$TTL {TTL_S}", *(_line(each) for each in record["records"])]
    return "".join(f"{line}\n" for line in lines)


def _line(record: DnsRecord) -> str:
    return f"{record['name']}. IN {record['type']} {_data(record)}"


def _data(record: DnsRecord) -> str:
    if record["type"] == "TXT":
        return " ".join(f'"{part}"' for part in _strings(record["value"]))
    return f"{record['priority']} {record['value']}." if record["type"] == "MX" else f"{record['value']}."


def _strings(value: str) -> list[str]:
    raw = value.encode()
    return ["".join(map(_quoted, raw[start : start + MAX_STRING])) for start in range(0, len(raw), MAX_STRING)] or [""]


def _quoted(byte: int) -> str:
    character = chr(byte)
    if character in '"\\':
        return f"\\{character}"
    return character if 32 <= byte < 127 else f"\\{byte:03}"
