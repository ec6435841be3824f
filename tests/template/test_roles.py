"""Least privilege: every role is enough for its family, and for nothing else."""

from __future__ import annotations

from tests.template.documents import listed, of_type, statements, written

ANY_RESOURCE = {"dynamodb:ListStreams"}
"""Actions for which AWS knows no narrower resource."""
WRITES = ("Put", "Update", "Delete", "BatchWrite")
NARROWED = ("dynamodb:Attributes", "dynamodb:LeadingKeys")


def policies_of(role: str) -> set[str]:
    return {reference["Ref"] for reference in written()["Resources"][role]["Properties"]["ManagedPolicyArns"]}


def test_no_action_is_a_wildcard() -> None:
    assert [(name, action) for name, statement in statements() for action in listed(statement["Action"]) if "*" in action] == []


def test_a_statement_for_everything_only_where_aws_knows_nothing_narrower() -> None:
    for name, statement in statements():
        if "*" in listed(statement["Resource"]):
            assert set(listed(statement["Action"])) <= ANY_RESOURCE, name


def test_every_function_has_a_role_of_the_template() -> None:
    roles = {name for name, _ in of_type("AWS::IAM::Role")}

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
    }


def test_mail_in_is_put_by_this_accounts_ses_only() -> None:
    document = written()["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
    (mail_in,) = (statement for statement in document["Statement"] if statement["Effect"] == "Allow")

    assert mail_in["Principal"] == {"Service": "ses.amazonaws.com"}
    assert mail_in["Resource"] == {"Fn::Sub": "${Bucket.Arn}/ses/*"}
    assert mail_in["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
