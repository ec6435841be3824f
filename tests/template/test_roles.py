"""Least privilege: every role is enough for its family, and for nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.aws import build
from tests.template.documents import Resource, listed, of_type, statements, written

ANY_RESOURCE = {"dynamodb:ListStreams"}
"""Actions for which AWS knows no narrower resource."""
WRITES = ("Put", "Update", "Delete", "BatchWrite")
NARROWED = ("dynamodb:Attributes", "dynamodb:LeadingKeys")


def policies_of(role: str) -> set[str]:
    return {reference["Ref"] for reference in written()["Resources"][role]["Properties"].get("ManagedPolicyArns", ())}


def assumed_by(role: Resource) -> Mapping[str, Any]:
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    return dict(statement)


def test_no_action_is_a_wildcard() -> None:
    assert [(name, action) for name, statement in statements() for action in listed(statement["Action"]) if "*" in action] == []


def test_a_statement_for_everything_only_where_aws_knows_nothing_narrower() -> None:
    for name, statement in statements():
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= ANY_RESOURCE, name


def test_every_function_has_a_role_of_the_template() -> None:
    roles = {
        name for name, role in of_type("AWS::IAM::Role") if assumed_by(role)["Principal"] == {"Service": "lambda.amazonaws.com"}
    }

    assert {function["Role"]["Fn::GetAtt"][0] for _, function in of_type("AWS::Serverless::Function")} == roles


def test_every_policy_is_used() -> None:
    used = {policy for role, _ in of_type("AWS::IAM::Role") for policy in policies_of(role)}

    assert used == {name for name, _ in of_type("AWS::IAM::ManagedPolicy")}


def test_what_every_endpoint_may_write_is_narrowed_to_named_rows_or_attributes() -> None:
    for name, statement in statements():
        writes = [action for action in listed(statement["Action"]) if action.split(":")[1].startswith(WRITES)]
        if name == "RequestPolicy" and any(action.startswith("dynamodb:") for action in writes):
            (condition,) = statement["Condition"].values()
            assert set(condition) <= set(NARROWED)


def test_readers_hold_no_policy_that_writes() -> None:
    for role, _ in of_type("AWS::IAM::Role"):
        if role.endswith("ReaderRole"):
            assert policies_of(role) <= {"RequestPolicy", "ReadItemsPolicy", "ReadBlobsPolicy"}


def test_only_senders_may_send() -> None:
    assert {role for role, _ in of_type("AWS::IAM::Role") if "SendMailPolicy" in policies_of(role)} == {
        "MessageSenderRole",
        "MessageRouterRole",
        "DraftSenderRole",
        "DueDraftsRole",
        "AgentsRole",
    }


def test_mail_in_is_put_by_this_accounts_ses_only() -> None:
    document = written()["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
    (mail_in,) = (statement for statement in document["Statement"] if statement["Effect"] == "Allow")

    assert mail_in["Principal"] == {"Service": "ses.amazonaws.com"}
    assert mail_in["Resource"] == {"Fn::Sub": "${Bucket.Arn}/ses/*"}
    assert mail_in["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_scheduler_sends_for_this_stacks_schedules_only_and_only_where_timers_lead() -> None:
    role = dict(of_type("AWS::IAM::Role"))["TimersRole"]

    assert assumed_by(role)["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert assumed_by(role)["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}, "aws:SourceArn": {"Fn::GetAtt": ["Timers", "Arn"]}}
    }
    (sending,) = (statement for name, statement in statements() if name == "TimersRole")
    reached = {resource["Fn::GetAtt"][0] for resource in sending["Resource"]}
    assert sending["Action"] == "sqs:SendMessage"
    assert reached == {f"{queue.capitalize()}{kind}" for queue in build.TIMED for kind in ("Queue", "DeadLetterQueue")}


def test_whoever_sets_timers_may_hand_over_that_role_and_to_scheduler_only() -> None:
    (passing,) = (statement for _, statement in statements() if "iam:PassRole" in listed(statement["Action"]))

    assert passing["Resource"] == {"Fn::GetAtt": ["TimersRole", "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
