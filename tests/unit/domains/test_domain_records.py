"""What DNS holds, judged as a table (spec: domains.md, "Record check")."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.domains.checks import judged
from mailroom.domains.lookups import AT_ONCE, look
from mailroom.domains.record import DnsRecord, Purpose, RecordType
from tests.support.fakes import Names

KEY = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"
RECORDS: dict[str, DnsRecord] = {
    name: DnsRecord(purpose=purpose, type=kind, name="any.example.com", value=value, status="MISSING")
    for name, purpose, kind, value in (
        ("ownership", "ownership", "TXT", "abc123"),
        ("dkim", "dkim", "CNAME", "t1.dkim.amazonses.com"),
        ("key", "dkim", "TXT", f"v=DKIM1; k=rsa; p={KEY}"),
        ("return_path", "return_path", "MX", "feedback-smtp.us-east-1.amazonses.com"),
        ("spf", "spf", "TXT", "v=spf1 include:amazonses.com ~all"),
        ("two_spf", "spf", "TXT", "v=spf1 ip4:192.0.2.1 include:relay.example ~all"),
        ("dmarc", "dmarc", "TXT", "v=DMARC1; p=reject; rua=mailto:postmaster@example.net"),
        ("inbound", "inbound", "MX", "inbound-smtp.us-east-1.amazonaws.com"),
        ("subdomains", "subdomains", "MX", "inbound-smtp.us-east-1.amazonaws.com"),
        ("tracking", "tracking", "CNAME", "link.example.net"),
    )
}
MISSING = ("MISSING", None)
VALID = ("VALID", None)
TWICE = ("INVALID", "duplicate_records")
OTHER = ("INVALID", "value_mismatch")

CNAME_CASES = [
    ("dkim", ["t1.dkim.amazonses.com"], VALID),
    ("dkim", ["T1.DKIM.amazonses.com."], VALID),
    ("dkim", ["t2.dkim.amazonses.com"], OTHER),
    ("dkim", ["t1.dkim.amazonses.com", "other.example"], TWICE),
    ("tracking", ["link.example.net"], VALID),
    ("tracking", ["elsewhere.example.net"], OTHER),
]
MX_CASES = [
    ("return_path", ["10 feedback-smtp.us-east-1.amazonses.com"], VALID),
    ("return_path", ["20 Feedback-SMTP.us-east-1.amazonses.com."], VALID),
    ("return_path", ["10 feedback-smtp.eu-west-1.amazonses.com"], OTHER),
    ("return_path", ["10 feedback-smtp.us-east-1.amazonses.com", "20 mx.example.com"], TWICE),
    ("return_path", ["10 feedback-smtp.us-east-1.amazonses.com", "20 feedback-smtp.us-east-1.amazonses.com"], TWICE),
    ("inbound", ["10 inbound-smtp.us-east-1.amazonaws.com"], VALID),
    ("inbound", ["1 aspmx.example.com", "50 inbound-smtp.us-east-1.amazonaws.com"], VALID),
    ("inbound", ["1 aspmx.example.com"], OTHER),
    ("inbound", ["0 "], OTHER),
    ("subdomains", ["10 inbound-smtp.us-east-1.amazonaws.com"], VALID),
    ("subdomains", ["10 inbound-smtp.us-east-1.amazonaws.com", "1 aspmx.example.com"], TWICE),
]
SPF_CASES = [
    ("spf", ["v=spf1 include:amazonses.com ~all"], VALID),
    ("spf", ["V=SPF1  +include:AmazonSES.com -all"], VALID),
    ("spf", ["v=spf1 include:_spf.example.com include:amazonses.com ?all"], VALID),
    ("spf", ["v=spf1 include:amazonses.com"], VALID),
    ("spf", ["v=spf1 include:amazonses.com ~all", "site-verification=1"], VALID),
    ("spf", ["v=spf1 -all"], OTHER),
    ("spf", ["v=spf1 -all include:amazonses.com"], OTHER),
    ("spf", ["v=spf1 -include:amazonses.com ~all"], OTHER),
    ("spf", ["v=spf1 include:amazonses.com.example.net ~all"], OTHER),
    ("spf", ["v=spf10 include:amazonses.com ~all"], OTHER),
    ("spf", ["site-verification=1"], OTHER),
    ("spf", [""], OTHER),
    ("spf", ["v=spf1 include:amazonses.com ~all", "v=spf1 -all"], TWICE),
    ("spf", ["v=spf1 mx -all", "v=spf1 -all"], OTHER),
    ("two_spf", ["v=spf1 include:relay.example a ip4:192.0.2.1 -all"], VALID),
    ("two_spf", ["v=spf1 include:relay.example -all"], OTHER),
]
DMARC_CASES = [
    ("dmarc", ["v=DMARC1; p=reject; rua=mailto:postmaster@example.net"], VALID),
    ("dmarc", ["v=DMARC1;p=none"], VALID),
    ("dmarc", ["v = DMARC1 ; p = Quarantine ; pct=50"], VALID),
    ("dmarc", ["v=DMARC1; p=reject", "site-verification=1"], VALID),
    ("dmarc", ["v=DMARC1; p=reject", "v=DMARC1; p=none"], TWICE),
    ("dmarc", ["v=DMARC1"], OTHER),
    ("dmarc", ["v=DMARC1; p=maybe"], OTHER),
    ("dmarc", ["p=reject; v=DMARC1"], OTHER),
    ("dmarc", ["v=DMARC2; p=reject"], OTHER),
    ("dmarc", [""], OTHER),
]
TEXT_CASES = [
    ("key", [f"v=DKIM1; k=rsa; p={KEY}"], VALID),
    ("key", [f"k=rsa;t=s; p = {KEY[:10]} {KEY[10:]} ;"], VALID),
    ("key", [f"v=DKIM1; p={KEY.lower()}"], OTHER),
    ("key", ["v=DKIM1; k=rsa; p="], OTHER),
    ("key", [f"v=DKIM1; p={KEY}", "v=DKIM1; p=b3RoZXI="], TWICE),
    ("ownership", ["abc123"], VALID),
    ("ownership", [" abc123 "], VALID),
    ("ownership", ["abc123", "the former owner's"], VALID),
    ("ownership", ["ABC123"], OTHER),
    ("ownership", ["abc1234"], OTHER),
]


def found(name: str, values: list[str]) -> tuple[str, str | None]:
    after = judged(RECORDS[name], values)
    return after["status"], after.get("reason")


@pytest.mark.parametrize("name", RECORDS)
def test_where_nothing_is_published_a_record_is_missing(name: str) -> None:
    assert found(name, []) == MISSING


@pytest.mark.parametrize(("name", "values", "expected"), CNAME_CASES + MX_CASES + SPF_CASES + DMARC_CASES + TEXT_CASES)
def test_a_record_is_judged_by_what_dns_holds(name: str, values: list[str], expected: tuple[str, str | None]) -> None:
    assert found(name, values) == expected
    assert found(name, values[::-1]) == expected


@pytest.mark.parametrize("name", RECORDS)
def test_what_was_found_before_does_not_matter(name: str) -> None:
    stale: Any = {**RECORDS[name], "status": "INVALID", "reason": "value_mismatch"}

    assert judged(stale, []) == judged(RECORDS[name], [])


@given(name=st.sampled_from(sorted(RECORDS)), values=st.lists(st.text(max_size=40), max_size=4))
@settings(max_examples=200, deadline=None)
def test_whatever_strangers_publish_gets_a_judgement_and_changes_nothing_else(name: str, values: list[str]) -> None:
    before = RECORDS[name].copy()

    after = judged(RECORDS[name], values)

    assert RECORDS[name] == before
    assert {**after, "status": "MISSING"} | {"reason": None} == {**before, "reason": None}
    assert (after["status"] == "MISSING") == (not values)
    assert ("reason" in after) == (after["status"] == "INVALID")


# --- lookups ----------------------------------------------------------------------------------------------------------


def record(purpose: Purpose, kind: RecordType, name: str, value: str, status: Any = "MISSING") -> DnsRecord:
    return DnsRecord(purpose=purpose, type=kind, name=name, value=value, status=status)


def test_each_record_is_looked_up_once_under_its_own_name_and_type() -> None:
    names = Names()
    wanted = [
        record("return_path", "MX", "mail.example.com", "bounces.example.net"),
        record("spf", "TXT", "mail.example.com", "v=spf1 include:example.net ~all"),
        record("subdomains", "MX", "*.example.com", "inbound.example.net"),
    ]
    names.publish([{**wanted[2], "priority": 10}])

    looked = look(wanted, resolver=names)

    assert sorted(names.asked) == sorted((each["name"], each["type"]) for each in wanted)
    assert [each.record["status"] for each in looked] == ["MISSING", "MISSING", "VALID"]
    assert all(each.known for each in looked)


def test_names_are_looked_up_side_by_side() -> None:
    together = threading.Barrier(AT_ONCE)

    class Waiting(Names):
        def look_up(self, name: str, kind: str) -> tuple[str, ...]:
            together.wait(timeout=30)
            return super().look_up(name, kind)

    looked = look([record("dkim", "CNAME", f"t{each}.example.com", "x") for each in range(AT_ONCE)], resolver=Waiting())

    assert len(looked) == AT_ONCE


def test_a_lookup_that_fails_leaves_its_record_as_it_was() -> None:
    names = Names()
    names.failing.add("mail.example.com")
    before = record("return_path", "MX", "mail.example.com", "bounces.example.net", status="VALID")

    [looked] = look([before], resolver=names)

    assert (looked.record, looked.known) == (before, False)
