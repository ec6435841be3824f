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
from moto.dynamodb.models.dynamo_type import Item, LimitedSizeDict
from moto.dynamodb.responses import DynamoHandler

from mailroom.aws.dynamodb import DynamoItemStore
from mailroom.aws.retries import CLIENT_CONFIG
from mailroom.aws.streams import StreamFeed
from mailroom.store.port import Table
from mailroom.store.schema import TABLES, TTL_ATTRIBUTE, create_table_arguments

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
    share_values()
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
    """moto undoes a failed transaction by restoring a copy of the whole table, which would undo concurrent writes, too."""
    gate, call = threading.Lock(), DynamoHandler.call_action

    def alone(self: DynamoHandler) -> Any:
        with gate:
            return call(self)

    DynamoHandler.call_action = alone  # type: ignore[method-assign]


@cache
def share_values() -> None:
    """moto makes that copy for each transaction, and most of its time went into copying values. They are replaced here, never
    changed in place, because nobody writes below an attribute: a copy of an item may have the same ones."""

    def copied(self: Item, memo: dict[int, Any]) -> Item:
        same = Item.__new__(Item)
        same.hash_key, same.range_key, same.attrs = self.hash_key, self.range_key, LimitedSizeDict.__new__(LimitedSizeDict)
        # Past the check of the size, which each of them has passed.
        dict.update(same.attrs, self.attrs)
        return same

    Item.__deepcopy__ = copied  # type: ignore[method-assign]


def create_tables(client: Any) -> None:
    for table, name in TABLE_NAMES.items():
        client.create_table(**create_table_arguments(table, name))
        if TABLES[table].ttl:
            expiry = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=expiry)
