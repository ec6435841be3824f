"""DynamoDB under moto: an item store with all tables, created from the schema."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.core.responses import BaseResponse
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.retries import CLIENT_CONFIG
from mailroom.aws.streams import StreamFeed
from mailroom.store.port import Table
from mailroom.store.schema import TABLES, TTL_ATTRIBUTE, create_table_arguments
from tests.support import quick_calls, quick_tables

REGION = "us-east-1"
TABLE_NAMES: dict[Table, str] = {table: f"mailroom-{table}" for table in TABLES}

_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
    # The streams client puts the account into the host name otherwise, which moto does not serve.
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",
}


@dataclass(frozen=True, slots=True)
class Dynamo:
    items: DynamoItemStore
    feed: StreamFeed
    client: Any


@contextmanager
def aws_environment() -> Iterator[None]:
    """Credentials of nobody, and every AWS call of this process answered by moto."""
    with patch.dict(os.environ, _ENVIRONMENT), mock_aws():
        yield


@contextmanager
def dynamo() -> Iterator[Dynamo]:
    """Fresh tables of their own, empty. Inside of another `aws_environment` they are added to what that holds."""
    quick_calls.quicken()
    quick_tables.quicken()
    with aws_environment():
        client, streams = (_session().client(name, config=CLIENT_CONFIG) for name in ("dynamodb", "dynamodbstreams"))
        create_tables(client)
        yield Dynamo(DynamoItemStore(client, TABLE_NAMES), StreamFeed(client, streams, TABLE_NAMES), client)


@contextmanager
def dynamo_items() -> Iterator[DynamoItemStore]:
    with dynamo() as made:
        yield made.items


@cache
def _session() -> Any:
    """Read once: the service descriptions take longer than a test."""
    return boto3.Session("testing", "testing", "testing", REGION)


@cache
def one_call_at_a_time() -> None:
    """moto carries out a transaction step by step, and undoes one that fails likewise; nobody may see or change it meanwhile."""
    gate = threading.Lock()
    for handler in (DynamoHandler, DynamoDBStreamsHandler):
        _through(gate, handler)


def _through(gate: threading.Lock, handler: type[BaseResponse]) -> None:
    call = handler.call_action

    def alone(self: BaseResponse) -> Any:
        with gate:
            return call(self)

    handler.call_action = alone  # type: ignore[method-assign]


def create_tables(client: Any) -> None:
    for table, name in TABLE_NAMES.items():
        client.create_table(**create_table_arguments(table, name))
        if TABLES[table].ttl:
            expiry = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
