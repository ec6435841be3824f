"""The doctor's checks, one by one, with a DNS and a provider that say what a test wants."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from admin.doctor import clock, machine, names, provider, queues, tables, versions
from admin.doctor.findings import examine, ok
from admin.site import QueueState
from mailroom.ports import IdentityState, LookupFailed
from tests.support.fakes import IdentityList, Names

INBOUND = "inbound-smtp.eu-west-1.amazonaws.com"
SES_SPF = "include:amazonses.com"


def dns(**records: list[str]) -> Names:
    """Of `example.org`, by type; `dmarc` is the TXT record below `_dmarc`."""
    names = Names()
    names.records = {("example.org", kind): values for kind, values in records.items() if kind != "dmarc"}
    names.records["_dmarc.example.org", "TXT"] = records.get("dmarc", [])
    return names


def state(queue: str = "inbound", **fields: Any) -> QueueState:
    empty = {"waiting": 0, "later": 0, "working": 0, "oldest_s": None, "dead": 0, "oldest_dead_s": None}
    return QueueState(queue=queue, **{**empty, **fields})


# --- the runner ---------------------------------------------------------------------------------------------------------


def test_a_check_that_raises_is_a_finding_and_the_others_are_made() -> None:
    def broken() -> Any:
        raise LookupFailed("MX of example.org: Timeout")

    first, second = examine({"mx": broken, "spf": lambda: ok("fine")})

    assert (first.check, first.state) == ("mx", "fail")
    assert "MX of example.org" in first.meaning
    assert second.as_json() == {"check": "spf", "state": "ok", "meaning": "fine"}


# --- names --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "wanted", "expected"),
    [
        ([], INBOUND, "fail"),
        (["10 mx.example.net"], INBOUND, "fail"),
        ([f"10 {INBOUND}"], INBOUND, "ok"),
        ([f"10 {INBOUND}", "20 mx.example.net"], INBOUND, "warn"),
        ([], None, "fail"),
        (["10 mx.example.net"], None, "fail"),
    ],
)
def test_mail_finds_its_way_here_or_not(records: list[str], wanted: str | None, expected: str) -> None:
    assert names.mx("example.org", wanted, dns(MX=records)).state == expected


def test_on_one_machine_the_mail_host_must_have_an_address() -> None:
    found = dns(MX=["10 mx.example.net"])
    found.records["mx.example.net", "AAAA"] = ["2001:db8::1"]

    assert names.mx("example.org", None, found).state == "ok"


@pytest.mark.parametrize(
    ("records", "mechanism", "expected"),
    [
        ([], SES_SPF, "warn"),
        (["unrelated", f"v=spf1 {SES_SPF} ~all"], SES_SPF, "ok"),
        (["v=spf1 mx -all"], SES_SPF, "warn"),
        (["v=spf1 include:amazonses.com.example.net -all"], SES_SPF, "warn"),
        (["v=spf1 mx -all", "v=spf1 a -all"], SES_SPF, "fail"),
        (["v=spf1 mx -all"], None, "ok"),
        (["v=spf10 mx"], None, "warn"),
    ],
)
def test_an_spf_record_is_one_and_names_who_sends(records: list[str], mechanism: str | None, expected: str) -> None:
    assert names.spf("example.org", mechanism, dns(TXT=records)).state == expected


@pytest.mark.parametrize(
    ("records", "expected"),
    [([], "warn"), (["v=DMARC1; p=none"], "ok"), (["v=DMARC1;p=reject"], "ok"), (["v=DMARC1; p=none", "v=DMARC1"], "fail")],
)
def test_a_dmarc_record_is_one(records: list[str], expected: str) -> None:
    assert names.dmarc("example.org", dns(dmarc=records)).state == expected


def test_all_dkim_records_must_be_there() -> None:
    found = dns()
    found.records["a._domainkey.example.org", "CNAME"] = ["a.dkim.amazonses.com"]

    assert names.dkim(["a"], "example.org", found).state == "ok"
    assert "b._domainkey.example.org" in str(names.dkim(["a", "b"], "example.org", found).advice)
    assert names.dkim([], "example.org", found).state == "fail"


def test_a_domain_that_no_dns_has_is_not_looked_up() -> None:
    found = dns()

    (only,) = examine(names.checks("mailroom.local", found, inbound_host=None, spf_mechanism=None))

    assert (only.check, only.state, found.asked) == ("domain", "warn", [])


# --- the provider -------------------------------------------------------------------------------------------------------


def test_the_identity_must_be_there_and_verified() -> None:
    identities = IdentityList()
    unknown = provider.identity("example.org", identities)
    identities.states["example.org"] = IdentityState("pending", "not_started", sends=False)
    pending = provider.identity("example.org", identities)
    identities.states["example.org"] = IdentityState("success", "success", sends=True)

    assert (unknown.state, pending.state) == ("fail", "fail")
    assert "pending" in pending.meaning
    assert provider.identity("example.org", identities).state == "ok"


def test_dkim_of_an_identity_that_is_not_there_is_a_finding_of_its_own() -> None:
    class Ses:
        def get_email_identity(self, EmailIdentity: str) -> Any:
            raise ClientError({"Error": {"Code": "NotFoundException", "Message": ""}}, "GetEmailIdentity")

    assert "does not know" in provider.dkim("example.org", Ses(), dns()).meaning


@pytest.mark.parametrize(("sent", "most", "expected"), [(0, 200, "ok"), (160, 200, "warn"), (200, 200, "fail"), (10_000, -1, "ok")])
def test_the_quota_is_seen_to_end(sent: float, most: float, expected: str) -> None:
    account = {"SendQuota": {"Max24HourSend": float(most), "SentLast24Hours": float(sent), "MaxSendRate": 1.0}}

    assert provider.quota(account).state == expected


def test_an_account_may_be_boxed_in_watched_or_stopped() -> None:
    assert provider.sandbox({"ProductionAccessEnabled": False}).state == "warn"
    assert provider.sending({"SendingEnabled": True, "EnforcementStatus": "PROBATION"}).state == "warn"
    assert provider.sending({"SendingEnabled": False, "EnforcementStatus": "SHUTDOWN"}).state == "fail"


@pytest.mark.parametrize(
    ("active", "expected"), [({"Metadata": {"Name": "ours"}}, "ok"), ({"Metadata": {"Name": "x"}}, "fail"), ({}, "fail")]
)
def test_the_active_receipt_rule_set_is_ours(active: dict[str, Any], expected: str) -> None:
    class Ses:
        def describe_active_receipt_rule_set(self) -> Any:
            return active

    assert provider.receipt_rules("ours", Ses()).state == expected


# --- queues, tables, clock, machine -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([state(waiting=3, oldest_s=60)], "ok"),
        ([state(waiting=3, oldest_s=1000)], "warn"),
        ([state(waiting=3, oldest_s=30_000)], "fail"),
        ([state("deliveries", waiting=3, oldest_s=30_000)], "ok"),
    ],
)
def test_work_that_waits_too_long_is_seen(states: list[QueueState], expected: str) -> None:
    assert queues.backlog(states).state == expected


def test_dead_letters_are_a_failure_with_the_command_that_helps() -> None:
    found = queues.dead_letters([state("changes", dead=1, redrivable=False), state("purge", dead=2)])

    assert found.state == "fail"
    assert "redrive purge" in str(found.advice)
    assert queues.dead_letters([state()]).state == "ok"


class Tables:
    def __init__(
        self, *, status: str = "ACTIVE", view: str = "NEW_AND_OLD_IMAGES", backup: str = "ENABLED", ttl: str = "ENABLED"
    ) -> None:
        self._table = {"TableStatus": status, "StreamSpecification": {"StreamViewType": view}}
        self._backup, self._ttl = backup, ttl

    def describe_table(self, TableName: str) -> Any:
        return {"Table": self._table}

    def describe_continuous_backups(self, TableName: str) -> Any:
        status = {"PointInTimeRecoveryStatus": self._backup}
        return {"ContinuousBackupsDescription": {"PointInTimeRecoveryDescription": status}}

    def describe_time_to_live(self, TableName: str) -> Any:
        return {"TimeToLiveDescription": {"TimeToLiveStatus": self._ttl}}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Tables(), "ok"),
        (Tables(status="UPDATING"), "fail"),
        (Tables(view="KEYS_ONLY"), "fail"),
        (Tables(backup="DISABLED"), "warn"),
        (Tables(ttl="DISABLED"), "warn"),
    ],
)
def test_a_table_has_what_the_product_needs(found: Tables, expected: str) -> None:
    assert tables.table("core", "t-core", found).state == expected


@pytest.mark.parametrize(("off_s", "expected"), [(0, "ok"), (-3, "ok"), (30, "warn"), (-30, "warn"), (400, "fail")])
def test_a_clock_that_is_wrong_is_seen(off_s: int, expected: str) -> None:
    found = clock.against_header("Mon, 01 Jun 2026 00:00:00 GMT", clock=lambda: (1_780_272_000 + off_s) * 1000)

    assert found.state == expected


def test_a_clock_behind_what_was_written_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "written"
    file.touch()
    os.utime(file, (2_000_000_000, 2_000_000_000))

    behind = clock.against_files([file, tmp_path / "missing"], clock=lambda: 1_999_000_000_000)

    assert behind.state == "fail"
    assert clock.against_files([file], clock=lambda: 2_000_000_100_000).state == "ok"


def test_a_folder_that_others_can_look_into_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    shared = machine.permissions(tmp_path)
    tmp_path.chmod(0o700)

    assert shared.state == "warn"
    assert machine.permissions(tmp_path).state == "ok"


def test_room_on_the_disk_is_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def free(value: int) -> str:
        monkeypatch.setattr(machine.shutil, "disk_usage", lambda _: type("Usage", (), {"free": value}))
        return machine.disk(tmp_path).state

    assert [free(each) for each in (1 << 40, 1 << 30, 1 << 20)] == ["ok", "warn", "fail"]


def test_ports_that_do_not_answer_are_failures() -> None:
    assert machine.api_port("127.0.0.1", 1).state == machine.smtp_port("0.0.0.0", 1).state == "fail"
    assert machine.relay(("127.0.0.1", 1)).state == "fail"
    assert machine.relay(None).state == "warn"


def test_versions_are_told() -> None:
    assert versions.mailroom() in versions.versions(SQLite="3").meaning
