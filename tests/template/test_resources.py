"""What the template deploys, within AWS's limits and ours."""

from __future__ import annotations

import json

from cfnlint.api import lint_file  # type: ignore[import-untyped]

from mailroom.aws import build
from mailroom.store.schema import TABLES, TTL_ATTRIBUTE, table_properties
from tests.template.documents import TEMPLATE, expanded, of_type, written

MAX_RESOURCES = 400
IDLE_COSTS = ("ProvisionedConcurrencyConfig", "SnapStart", "NatGateway", "AWS::KMS::Key", "AWS::EC2::")


def test_cfn_lint_finds_nothing() -> None:
    assert [str(match) for match in lint_file(TEMPLATE)] == []


def test_the_stack_stays_below_its_share_of_resources() -> None:
    assert len(expanded()["Resources"]) < MAX_RESOURCES


def test_nothing_costs_money_while_idle() -> None:
    text = json.dumps(expanded())

    assert [name for name in IDLE_COSTS if name in text] == []


def test_the_tables_are_those_of_the_schema() -> None:
    tables = dict(of_type("AWS::DynamoDB::Table"))

    assert set(tables) == {f"{table.capitalize()}Table" for table in TABLES}
    for table, schema in TABLES.items():
        properties = dict(tables[f"{table.capitalize()}Table"])
        expected = table_properties(table)
        if schema.stream:
            expected["StreamSpecification"] = {"StreamViewType": schema.stream}
        if schema.ttl:
            expected["TimeToLiveSpecification"] = {"AttributeName": TTL_ATTRIBUTE, "Enabled": True}
        if schema.backup:
            expected["PointInTimeRecoverySpecification"] = {"PointInTimeRecoveryEnabled": True}
            expected["DeletionProtectionEnabled"] = True
        assert properties == expected


def test_what_cannot_be_made_again_outlives_the_stack() -> None:
    resources = written()["Resources"]

    for name in ("CoreTable", "IdxTable", "EvTable", "Bucket"):
        assert resources[name]["DeletionPolicy"] == "Retain"
        assert resources[name]["UpdateReplacePolicy"] == "Retain"


def test_functions_know_every_table_and_queue_they_are_built_with() -> None:
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]

    assert {f"MAILROOM_{table.upper()}_TABLE" for table in TABLES} <= variables.keys()
    assert {f"MAILROOM_{queue.upper()}_QUEUE" for queue in build.QUEUES} <= variables.keys()


def test_functions_know_what_their_timers_need() -> None:
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]

    assert variables["MAILROOM_TIMERS_GROUP"] == {"Ref": "Timers"}
    assert variables["MAILROOM_TIMERS_ROLE_ARN"] == {"Fn::GetAtt": ["TimersRole", "Arn"]}
    for queue in build.TIMED:
        assert variables[f"MAILROOM_{queue.upper()}_QUEUE_ARN"] == {"Fn::GetAtt": [f"{queue.capitalize()}Queue", "Arn"]}
        dead = {"Fn::GetAtt": [f"{queue.capitalize()}DeadLetterQueue", "Arn"]}
        assert variables[f"MAILROOM_{queue.upper()}_DEAD_LETTER_QUEUE_ARN"] == dead


def test_every_queue_that_is_read_has_a_dead_letter_queue_and_an_alarm() -> None:
    queues = dict(of_type("AWS::SQS::Queue"))
    watched = {alarm["Dimensions"][0]["Value"]["Fn::GetAtt"][0] for _, alarm in of_type("AWS::CloudWatch::Alarm")}
    dead = {name for name in queues if name.endswith("DeadLetterQueue")}

    assert watched == dead
    for name in queues.keys() - dead:
        assert queues[name]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0] in dead


def test_a_message_stays_hidden_for_six_runs_of_its_worker() -> None:
    queues = dict(of_type("AWS::SQS::Queue"))
    for _, function in of_type("AWS::Serverless::Function"):
        for event in function.get("Events", {}).values():
            if event["Type"] == "SQS":
                queue = queues[event["Properties"]["Queue"]["Fn::GetAtt"][0]]
                assert queue["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_workers_report_single_failures() -> None:
    for name, function in of_type("AWS::Serverless::Function"):
        for event in function.get("Events", {}).values():
            if event["Type"] in ("SQS", "DynamoDB"):
                assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"], name


def test_the_gateway_answers_in_our_envelope() -> None:
    (_, api), *_ = of_type("AWS::Serverless::Api")

    for kind, response in api["GatewayResponses"].items():
        body = json.loads(response["ResponseTemplates"]["application/json"])
        assert {"name", "code", "message"} <= body.keys(), kind
        assert response["ResponseParameters"]["Headers"]["X-Request-Id"] == "context.requestId"
        assert ("Retry-After" in response["ResponseParameters"]["Headers"]) == (response.get("StatusCode") in (429, 503))


def test_an_unknown_route_is_not_found_with_and_without_a_credential() -> None:
    (_, api), *_ = of_type("AWS::Serverless::Api")

    for kind in ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE", "DEFAULT_4XX"):
        assert api["GatewayResponses"][kind]["StatusCode"] == 404


def test_mail_to_every_verified_domain_and_its_subdomains_is_received() -> None:
    """SES takes a rule without recipients for all of them; with any, each new custom domain would have to be added."""
    rule = dict(of_type("AWS::SES::ReceiptRule"))["ReceiptRule"]["Rule"]

    assert "Recipients" not in rule
    assert rule["Enabled"]
    assert [list(action) for action in rule["Actions"]] == [["S3Action"]]
