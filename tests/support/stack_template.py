"""A stack in moto's CloudFormation that has what the operator's command looks for, and more resources than one answer lists."""

from __future__ import annotations

import json
import uuid
from typing import Any

from local import template as templates
from mailroom.store.schema import TABLES, table_properties
from tests.support.moto_stack import TEMPLATE, client


def create_stack(*, domain: str = "example.org") -> str:
    """Its name; tables and queues are its own."""
    name = f"s{uuid.uuid4().hex[:12]}"
    body = {"Parameters": {"MailroomDomain": {"Type": "String"}}, "Resources": {**_tables(name), **_queues(name), **_topics()}}
    parameters = [{"ParameterKey": "MailroomDomain", "ParameterValue": domain}]
    client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(body), Parameters=parameters)
    return name


def _tables(name: str) -> dict[str, Any]:
    return {
        f"{table.capitalize()}Table": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": f"{name}-{table}", **table_properties(table), **_stream(schema.stream)},
        }
        for table, schema in TABLES.items()
    }


def _stream(view: str | None) -> dict[str, Any]:
    return {"StreamSpecification": {"StreamViewType": view}} if view else {}


def _queues(name: str) -> dict[str, Any]:
    pairs = {each.name.capitalize(): each for each in templates.load(TEMPLATE).queues.values() if each.dead_letter is not None}
    ids = [*(f"{each}Queue" for each in pairs), *(f"{each}DeadLetterQueue" for each in pairs), "ChangesDeadLetterQueue"]
    return {each: {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": f"{name}-{each}"}} for each in ids}


def _topics() -> dict[str, Any]:
    return {f"Topic{number}": {"Type": "AWS::SNS::Topic"} for number in range(100)}
