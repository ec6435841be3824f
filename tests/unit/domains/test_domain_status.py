"""What a domain becomes: by its records, by the provider, by time (spec: domains.md, "Status")."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailroom.domains import schedule, status
from mailroom.domains.checks import Looked
from mailroom.domains.record import DnsRecord, DomainRecord, RecordStatus, Status
from mailroom.domains.status import CONFIRMED_WITHIN_MS, HOUR_MS, Seen, Verdict, verdict
from mailroom.ports import Confirmation, IdentityState

NOW = 1_750_000_000_000
YES = IdentityState("success", "success", sends=True)
PENDING = IdentityState("pending", "pending", sends=False)
CONFIRMATIONS = get_args(Confirmation)


def records(**statuses: RecordStatus) -> list[DnsRecord]:
    """VALID, unless something else is said of a purpose."""
    purposes: Any = ("dkim", "return_path", "spf", "dmarc", "inbound", "tracking")
    return [
        DnsRecord(purpose=each, type="TXT", name=f"{each}.example.com", value="x", status=statuses.get(each, "VALID"))
        for each in purposes
    ]


def domain(state: Status, **more: Any) -> DomainRecord:
    base = {
        "domain": "example.com",
        "status": state,
        "feedback_enabled": True,
        "inbound_enabled": True,
        "subdomains_enabled": False,
        "tracking_enabled": True,
        "records": records(),
        "inbound_host": "inbound.example.net",
        "created_at": NOW - HOUR_MS,
        "updated_at": NOW - HOUR_MS,
        "ver": 7,
    }
    return cast(DomainRecord, base | ({"verified_at": NOW - HOUR_MS} if state == "VERIFIED" else {}) | more)


def checked(
    before: DomainRecord,
    state: IdentityState = YES,
    *,
    asked: bool = False,
    unknown: frozenset[str] = frozenset(),
    now: int = NOW,
    **statuses: RecordStatus,
) -> DomainRecord:
    """`unknown`: purposes whose lookup failed, which are as they were."""
    as_it_was = {each["purpose"]: each for each in before["records"]}
    looked = [
        Looked(as_it_was[each["purpose"]], known=False) if each["purpose"] in unknown else Looked(each, known=True)
        for each in records(**statuses)
    ]
    return status.checked(before, Seen(before, looked, state, asked), now)


@pytest.mark.parametrize(
    ("found", "state", "expected"),
    [
        (records(dkim="MISSING"), YES, Verdict("PENDING", "dns_records_missing")),
        (records(dkim="MISSING", spf="INVALID"), YES, Verdict("PENDING", "dns_records_missing")),
        (records(spf="INVALID"), YES, Verdict("INVALID", "dns_records_invalid")),
        (records(dmarc="MISSING", tracking="INVALID"), YES, Verdict("VERIFIED", None)),
        (records(), YES, Verdict("VERIFIED", None)),
        (records(), IdentityState("pending", "success", sends=False), Verdict("VERIFYING", "ses_dkim_pending")),
        (records(), IdentityState("not_started", "success", sends=False), Verdict("VERIFYING", "ses_dkim_not_started")),
        (records(), IdentityState("temporary_failure", "pending", sends=True), Verdict("VERIFYING", "ses_dkim_temporary_failure")),
        (records(), IdentityState("failed", "pending", sends=False), Verdict("FAILED", "ses_dkim_failed")),
        (records(), IdentityState("success", "pending", sends=True), Verdict("VERIFYING", "ses_mail_from_pending")),
        (
            records(),
            IdentityState("success", "temporary_failure", sends=True),
            Verdict("VERIFYING", "ses_mail_from_temporary_failure"),
        ),
        (records(), IdentityState("pending", "failed", sends=False), Verdict("FAILED", "ses_mail_from_failed")),
        (records(), IdentityState("success", "success", sends=False), Verdict("VERIFYING", "ses_not_verified_for_sending")),
    ],
)
def test_records_decide_first_and_then_the_provider(found: list[DnsRecord], state: IdentityState, expected: Verdict) -> None:
    assert verdict(found, state) == expected


def test_a_provider_that_has_not_confirmed_for_three_days_has_failed() -> None:
    begun = checked(domain("PENDING"), PENDING)

    late = checked(begun, PENDING, now=NOW + CONFIRMED_WITHIN_MS - 1)
    too_late = checked(begun, PENDING, now=NOW + CONFIRMED_WITHIN_MS)

    assert (begun["status"], late["status"]) == ("VERIFYING", "VERIFYING")
    assert (too_late["status"], too_late.get("reason")) == ("FAILED", "ses_dkim_pending")


def test_the_providers_time_begins_anew_when_a_record_was_gone() -> None:
    begun = checked(domain("PENDING"), PENDING)
    gone = checked(begun, PENDING, spf="MISSING", now=NOW + HOUR_MS)

    back = checked(gone, PENDING, now=NOW + CONFIRMED_WITHIN_MS)

    assert (gone["status"], back["status"]) == ("PENDING", "VERIFYING")


def test_a_late_yes_is_a_yes() -> None:
    failed = domain("FAILED", reason="ses_dkim_pending", confirming_since=NOW - CONFIRMED_WITHIN_MS)

    after = checked(failed)

    assert (after["status"], "reason" in after, after["verified_at"]) == ("VERIFIED", False, NOW)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (domain("NOT_STARTED", records=records(dkim="MISSING")), ("PENDING", "dns_records_missing")),
        (domain("NOT_STARTED", records=records(dkim="INVALID")), ("INVALID", "dns_records_invalid")),
        (domain("NOT_STARTED"), ("VERIFYING", "ses_dkim_pending")),
        (domain("FAILED", reason="ses_dkim_failed", confirming_since=1), ("VERIFYING", "ses_dkim_pending")),
        (domain("VERIFIED"), ("VERIFIED", None)),
    ],
)
def test_verify_begins_a_series_from_what_is_known(before: DomainRecord, expected: tuple[str, str | None]) -> None:
    after = status.asked(before, NOW)

    assert (after["status"], after.get("reason")) == expected
    assert (after["asked_at"], after["watched_since"], after["ver"]) == (NOW, NOW, 8)
    assert "confirming_since" not in after


def test_before_the_first_verify_a_check_only_notes_the_records() -> None:
    after = checked(domain("NOT_STARTED", records=records(dkim="MISSING")), asked=True)

    assert (after["status"], after["records"]) == ("NOT_STARTED", records())
    assert schedule.next_check_at(after, NOW) is None


# --- falling back -----------------------------------------------------------------------------------------------------


def test_a_verified_domain_outlives_two_failed_checks_in_a_row() -> None:
    domains = [domain("VERIFIED")]
    for day in range(3):
        domains.append(checked(domains[-1], now=NOW + day * schedule.DAY_MS, inbound="MISSING"))

    assert [each["status"] for each in domains] == ["VERIFIED", "VERIFIED", "VERIFIED", "PENDING"]
    assert domains[3].get("reason") == "dns_records_missing"
    assert domains[2]["records"] == records(inbound="MISSING")
    assert "withdrawn" not in domains[3]


def test_a_passed_check_ends_a_row_of_failures() -> None:
    after = domain("VERIFIED")
    for found in ("MISSING", "MISSING", "VALID", "MISSING", "MISSING"):
        after = checked(after, inbound=cast(RecordStatus, found))

    assert (after["status"], after.get("failures")) == ("VERIFIED", 2)


def test_a_check_that_was_asked_for_counts_at_once() -> None:
    after = checked(domain("VERIFIED"), asked=True, spf="INVALID")

    assert (after["status"], after.get("reason")) == ("INVALID", "dns_records_invalid")


@pytest.mark.parametrize("asked", [False, True])
def test_names_that_cannot_be_looked_up_prove_nothing(asked: bool) -> None:
    once = checked(domain("VERIFIED"), inbound="MISSING")

    after = once
    for _ in range(5):
        after = checked(after, asked=asked, unknown=frozenset({"inbound"}))

    assert (after["status"], after.get("failures")) == ("VERIFIED", 1)


def test_what_is_known_to_be_gone_counts_also_where_another_name_is_unknown() -> None:
    after = domain("VERIFIED")
    for _ in range(3):
        after = checked(after, unknown=frozenset({"inbound"}), spf="MISSING")

    assert after["status"] == "PENDING"


def test_mail_stops_at_once_when_the_provider_sends_no_more_and_goes_on_when_it_does() -> None:
    stopped = checked(domain("VERIFIED"), IdentityState("failed", "success", sends=False))
    again = checked(stopped)

    assert (stopped["status"], stopped.get("withdrawn")) == ("VERIFIED", True)
    assert (again["status"], "withdrawn" in again) == ("VERIFIED", False)


def test_mail_of_a_domain_that_fell_back_goes_out_as_long_as_the_provider_sends() -> None:
    fallen = checked(domain("VERIFIED"), asked=True, spf="MISSING")
    stopped = checked(fallen, IdentityState("failed", "success", sends=False), spf="MISSING")

    assert (fallen["status"], "withdrawn" in fallen) == ("PENDING", False)
    assert (stopped["status"], stopped.get("withdrawn")) == ("PENDING", True)


def test_a_domain_that_was_never_verified_has_nothing_to_be_withdrawn() -> None:
    assert "withdrawn" not in checked(domain("PENDING"), PENDING)


# --- what callers see -------------------------------------------------------------------------------------------------


def test_the_time_of_the_last_update_is_that_of_the_last_change_that_shows() -> None:
    same = checked(domain("VERIFIED"))
    changed = checked(domain("VERIFIED"), dmarc="MISSING")

    assert (same["updated_at"], same["checked_at"], same["ver"]) == (NOW - HOUR_MS, NOW, 8)
    assert changed["updated_at"] == NOW


STATES = st.builds(IdentityState, st.sampled_from(CONFIRMATIONS), st.sampled_from(CONFIRMATIONS), st.booleans())
STATUSES = st.sampled_from(get_args(RecordStatus))
PURPOSES = ("dkim", "inbound", "dmarc")


@given(
    steps=st.lists(
        st.tuples(
            STATES,
            st.fixed_dictionaries(dict.fromkeys(PURPOSES, STATUSES)),
            st.sets(st.sampled_from(PURPOSES)),
            st.sampled_from(["timer", "asked", "verify"]),
            st.integers(0, CONFIRMED_WITHIN_MS),
        ),
        max_size=8,
    )
)
@settings(max_examples=200, deadline=None)
def test_whatever_happens_a_domain_is_what_it_says(steps: list[Any]) -> None:
    after, now = status.asked(domain("NOT_STARTED", records=records(dkim="MISSING")), NOW), NOW
    for state, statuses, unknown, how, wait in steps:
        before, now = after, now + wait
        if how == "verify":
            after = status.asked(before, now)
        else:
            after = checked(before, state, asked=how == "asked", unknown=frozenset(unknown), now=now, **statuses)
        assert after["ver"] == before["ver"] + 1
        assert ("reason" in after) == (after["status"] != "VERIFIED")
        assert after["status"] != "NOT_STARTED"
        if after["status"] == "VERIFIED" != before["status"]:
            assert status.complete(after["records"])
            assert state == YES
        if before["status"] == "VERIFIED" != after["status"]:
            assert how == "asked" or before.get("failures") == 2
        if "withdrawn" in after:
            assert "verified_at" in after
        assert schedule.next_check_at(after, now) is not None


# --- the next check ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "watched_ms", "wait_ms"),
    [
        ("PENDING", 0, schedule.MINUTE_MS),
        ("PENDING", HOUR_MS - 1, schedule.MINUTE_MS),
        ("INVALID", HOUR_MS, 15 * schedule.MINUTE_MS),
        ("VERIFYING", 73 * HOUR_MS - 1, 15 * schedule.MINUTE_MS),
        ("FAILED", 73 * HOUR_MS, schedule.DAY_MS),
        ("VERIFIED", 0, schedule.DAY_MS),
    ],
)
def test_the_next_check_is_sooner_at_the_beginning(state: Status, watched_ms: int, wait_ms: int) -> None:
    assert schedule.next_check_at(domain(state, watched_since=NOW - watched_ms), NOW) == NOW + wait_ms
