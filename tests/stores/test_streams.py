from __future__ import annotations

import json

import pytest

from mailroom.aws.stream_records import change_of, record_of
from mailroom.store.port import ChangeRecord, Key
from mailroom.store.schema import TABLES
from tests.support.dynamo import TABLE_NAMES, dynamo

KEY = Key("core", "org", "A")
OLD = {"pk": "org", "sk": "A", "b": bytes(range(256)), "n": 10**30, "l": [b"\0", {"t": False}]}
NEW = {**OLD, "n": -1}


@pytest.mark.parametrize(("old", "new", "name"), [(None, NEW, "INSERT"), (OLD, NEW, "MODIFY"), (OLD, None, "REMOVE")])
def test_a_change_survives_its_way_as_a_lambda_event(old: dict[str, object], new: dict[str, object], name: str) -> None:
    change = ChangeRecord("17", "core", KEY, old, new)

    record = json.loads(json.dumps(record_of(change)))

    assert record["eventName"] == name
    assert change_of(record, "core") == change


def test_dynamodb_has_the_tables_of_the_schema() -> None:
    with dynamo() as made:
        described = {table: made.client.describe_table(TableName=name)["Table"] for table, name in TABLE_NAMES.items()}
        expiring = {
            table
            for table, name in TABLE_NAMES.items()
            if made.client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
        }

    indexes = {table: {index["IndexName"] for index in each.get("GlobalSecondaryIndexes", [])} for table, each in described.items()}
    views = {table: each.get("StreamSpecification", {}).get("StreamViewType") for table, each in described.items()}
    assert indexes == {table: set(schema.indexes) for table, schema in TABLES.items()}
    assert views == {table: schema.stream for table, schema in TABLES.items()}
    assert expiring == {table for table, schema in TABLES.items() if schema.ttl}
