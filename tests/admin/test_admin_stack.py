"""The operator's command on a stack, found by its name in (moto's) CloudFormation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from admin import aws
from admin.stack import opened, stack_status, timers
from admin.stack_queues import StackQueues
from mailroom.clock import now_ms
from mailroom.keys.credentials import secret_hash
from mailroom.store import keys
from tests.support.admin import Said, mailroom
from tests.support.fakes import Names
from tests.support.moto_stack import REGION, client, moto_endpoint
from tests.support.stack_template import create_stack

HEALTHY = {
    "ProductionAccessEnabled": True,
    "SendingEnabled": True,
    "EnforcementStatus": "HEALTHY",
    "SendQuota": {"Max24HourSend": 50_000.0, "SentLast24Hours": 12.0, "MaxSendRate": 14.0},
}

VERIFIED = {"VerifiedForSendingStatus": True, "DkimAttributes": {"Tokens": ["t"]}}


@pytest.fixture(scope="module", autouse=True)
def credentials() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.delenv("AWS_PROFILE", raising=False)
        yield


@pytest.fixture(scope="module")
def name() -> str:
    moto_endpoint()
    return create_stack()


@pytest.fixture
def run(name: str) -> Any:
    def run(*arguments: str) -> Said:
        where = ("--stack", name, "--region", REGION, "--endpoint-url", moto_endpoint())
        return mailroom(*where, "--json", *arguments)

    return run


class Calls:
    """A client of moto with answers of our own for what moto lacks, which are remembered."""

    def __init__(self, inner: Any, **answers: Any) -> None:
        self._inner = inner
        self._answers = answers
        self.made: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Any:
        if operation not in self._answers:
            return getattr(self._inner, operation)

        def call(**arguments: Any) -> Any:
            self.made.append((operation, arguments))
            return self._answers[operation]

        return call


def test_organizations_keys_and_suspension_work_through_the_tables(run: Any, name: str) -> None:
    made = run("organizations", "create", "--name", "Acme").value
    o = made["organization_id"]
    second = run("keys", "create", o, "--name", "Robot").value

    listed = run("organizations", "list").value["organizations"]
    suspended = run("organizations", "suspend", o).value
    with opened(name, aws.clients(REGION, moto_endpoint())) as site:
        marked = [site.items.get(keys.api_key_secret(secret_hash(each["api_key"]))) for each in (made, second)]
    resumed = run("organizations", "resume", o).value

    assert [(each["organization_id"], each["name"]) for each in listed] == [(o, "Acme")]
    assert suspended["keys_changed"] == resumed["keys_changed"] == 2
    assert all(row is not None and "suspended" in row for row in marked)


def test_the_queues_of_the_stack_are_counted(run: Any, name: str) -> None:
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=f"{name}-PurgeDeadLetterQueue")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")

    states = {each["queue"]: each for each in run("dead-letters", "list").value["queues"]}

    assert states["purge"]["dead"] == 1
    assert set(states) == {"inbound", "notices", "purge", "deliveries", "drafts", "domains", "changes"}
    assert [each for each, state in states.items() if not state["redrivable"]] == ["changes"]


def test_dead_letters_are_put_back_by_sqs_itself() -> None:
    sqs = client("sqs")
    urls = {each: sqs.create_queue(QueueName=f"redriven-{each}")["QueueUrl"] for each in ("PurgeQueue", "PurgeDeadLetterQueue")}
    sqs.send_message(QueueUrl=urls["PurgeDeadLetterQueue"], MessageBody="{}")
    calls = Calls(sqs, start_message_move_task={"TaskHandle": "h"})
    queues = StackQueues({**urls, "ChangesDeadLetterQueue": "u"}, client=lambda _: calls, clock=now_ms)

    count = queues.redrive("purge")

    assert count == 1
    assert [arguments["SourceArn"].rpartition(":")[2] for _, arguments in calls.made] == ["redriven-PurgeDeadLetterQueue"]
    for unknown in ("changes", "nothing"):
        with pytest.raises(KeyError):
            queues.redrive(unknown)


def test_the_doctor_examines_a_stack(name: str) -> None:
    real = aws.clients(REGION, moto_endpoint())
    answers = {
        "sesv2": {
            "get_account": HEALTHY,
            "get_email_identity": VERIFIED,
        },
        "ses": {"describe_active_receipt_rule_set": {"Metadata": {"Name": "other"}}},
    }
    names = Names()
    names.records = {
        ("example.org", "MX"): [f"10 inbound-smtp.{REGION}.amazonaws.com"],
        ("example.org", "TXT"): ["v=spf1 include:amazonses.com ~all"],
        ("_dmarc.example.org", "TXT"): ["v=DMARC1; p=reject"],
        ("t._domainkey.example.org", "CNAME"): ["t.dkim.amazonses.com"],
    }

    with opened(name, lambda service: Calls(real(service), **answers.get(service, {})), resolver=names) as site:
        found = {check: make() for check, make in site.checks.items() if check != "timers"}

    states = {check: finding.state for check, finding in found.items()}
    healthy = ("stack", "mx", "spf", "dmarc", "dkim", "identity", "sending", "sandbox", "quota", "queues", "clock", "table idx")
    assert {check: states[check] for check in healthy} == dict.fromkeys(healthy, "ok")
    assert states["receipt rules"] == "warn"
    assert states["table core"] == "warn", "moto's stack has no point-in-time recovery"


def test_timers_are_counted_in_their_group() -> None:
    scheduler, target = client("scheduler"), {"Arn": "arn:aws:sqs:us-east-1:123456789012:q", "RoleArn": "arn:aws:iam::1:role/r"}
    scheduler.create_schedule_group(Name="counted")
    at = {"ScheduleExpression": "at(2100-01-01T00:00:00)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    for number in range(3):
        scheduler.create_schedule(Name=f"d{number}", GroupName="counted", **at)

    assert timers("counted", scheduler).meaning == "3 timers wait for their time."


def test_what_cannot_be_checked_is_a_finding(run: Any) -> None:
    said = run("doctor")

    findings = {each["check"]: each for each in said.value["findings"]}
    assert said.code == 1
    assert findings["quota"]["state"] == "fail", "moto has no GetAccount"
    assert "could not be checked" in findings["quota"]["meaning"]
    assert findings["table idx"]["state"] == "ok"


def test_a_stack_that_is_not_there_or_not_ours_is_said() -> None:
    where = ("--region", REGION, "--endpoint-url", moto_endpoint(), "--json", "organizations", "list")
    body = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    client("cloudformation").create_stack(StackName="of-somebody-else", TemplateBody=body)

    missing, foreign = mailroom("--stack", "no-such-stack", *where), mailroom("--stack", "of-somebody-else", *where)

    assert missing.code == foreign.code == 1
    assert "no-such-stack" in missing.value["error"]["message"]
    assert "is it Mailroom's?" in foreign.value["error"]["message"]


@pytest.mark.parametrize("address", ["nonsense", "http://[::1"])
def test_an_address_that_is_none_is_said(address: str) -> None:
    said = mailroom("--stack", "mail", "--region", REGION, "--endpoint-url", address, "--json", "organizations", "list")

    assert (said.code, said.value["error"]["code"]) == (1, "unreachable")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("CREATE_COMPLETE", "ok"),
        ("UPDATE_COMPLETE", "ok"),
        ("UPDATE_IN_PROGRESS", "warn"),
        ("UPDATE_ROLLBACK_COMPLETE", "warn"),
        ("ROLLBACK_COMPLETE", "fail"),
        ("UPDATE_ROLLBACK_FAILED", "fail"),
    ],
)
def test_the_state_of_the_stack_is_judged(status: str, state: str) -> None:
    assert stack_status(aws.Deployed("m", status, {}, {}, {})).state == state


def test_parameters_are_settings_by_the_documented_rule() -> None:
    assert aws._setting("MailroomDailySendLimit") == "MAILROOM_DAILY_SEND_LIMIT"
    assert aws._setting("MailroomDomain") == "MAILROOM_DOMAIN"
