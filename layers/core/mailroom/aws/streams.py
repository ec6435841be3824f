"""DynamoDB Streams: records of a Lambda event as the port's changes and back, and a feed that reads the streams themselves."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mailroom.aws.attribute_values import from_attributes, to_attributes
from mailroom.store.port import ChangeRecord, Item, Key, Table
from mailroom.store.schema import TABLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


def change_of(record: Mapping[str, Any], table: Table) -> ChangeRecord:
    """A record of `table`'s stream, as Lambda hands it over (bytes in base64) or as the client answers it."""
    images = record["dynamodb"]
    keys = from_attributes(images["Keys"])
    return ChangeRecord(
        sequence=images["SequenceNumber"],
        table=table,
        key=Key(table, keys["pk"], keys["sk"]),
        old=_image(images.get("OldImage")),
        new=_image(images.get("NewImage")),
    )


def record_of(change: ChangeRecord) -> dict[str, Any]:
    """The change as a record of a Lambda stream event; bytes are base64 text, so that the event survives JSON."""
    images = {"OldImage": change.old, "NewImage": change.new}
    return {
        "eventID": change.sequence,
        "eventName": _event_name(change),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "local",
        "eventSourceARN": f"arn:aws:dynamodb:local:000000000000:table/{change.table}/stream/local",
        "dynamodb": {
            "Keys": to_attributes({"pk": change.key.pk, "sk": change.key.sk}),
            **{name: _as_json(to_attributes(image)) for name, image in images.items() if image is not None},
            "SequenceNumber": change.sequence,
            "StreamViewType": TABLES[change.table].stream,
        },
    }


class StreamFeed:
    """A `ChangeFeed` over the streams of `core` and `ev`. A position is a JSON object, `table/shard` -> last sequence read."""

    def __init__(self, client: DynamoDBClient, streams: DynamoDBStreamsClient, tables: Mapping[Table, str]) -> None:
        # Imported late: who only converts records (one machine) must not load botocore.
        from mailroom.aws.retries import call

        self._call = call
        self._client: Any = client
        self._streams: Any = streams
        self._tables = {table: name for table, name in tables.items() if TABLES[table].stream is not None}

    def read(self, position: str | None, limit: int) -> tuple[list[ChangeRecord], str | None]:
        """In order within each shard, which holds all changes of an item."""
        passed: dict[str, str] = json.loads(position) if position else {}
        changes: list[ChangeRecord] = []
        for table, arn, shard in self._shards():
            if len(changes) < limit:
                place = f"{table}/{shard}"
                found = self._read_shard(table, arn, shard, passed.get(place), limit - len(changes))
                changes += found
                if found:
                    passed[place] = found[-1].sequence
        return changes, json.dumps(passed, sort_keys=True) if passed else position

    def _shards(self) -> Iterator[tuple[Table, str, str]]:
        for table, name in self._tables.items():
            described = self._call(lambda name=name: self._client.describe_table(TableName=name))  # type: ignore[misc]
            arn = described["Table"]["LatestStreamArn"]
            for shard in self._describe(arn):
                yield table, arn, shard

    def _describe(self, arn: str) -> list[str]:
        shards: list[str] = []
        arguments = {"StreamArn": arn}
        while True:
            description = self._call(lambda: self._streams.describe_stream(**arguments))["StreamDescription"]
            shards += [shard["ShardId"] for shard in description["Shards"]]
            if "LastEvaluatedShardId" not in description:
                return shards
            arguments["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]

    def _read_shard(self, table: Table, arn: str, shard: str, passed: str | None, limit: int) -> list[ChangeRecord]:
        behind = {"ShardIteratorType": "TRIM_HORIZON"}
        if passed is not None:
            behind = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": passed}
        iterator = self._call(lambda: self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **behind))["ShardIterator"]
        answer = self._call(lambda: self._streams.get_records(ShardIterator=iterator, Limit=limit))
        return [change_of(record, table) for record in answer["Records"]]


def _event_name(change: ChangeRecord) -> str:
    if change.new is None:
        return "REMOVE"
    return "INSERT" if change.old is None else "MODIFY"


def _image(attributes: Mapping[str, Any] | None) -> Item | None:
    return None if attributes is None else from_attributes(attributes)


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_json(inner) for inner in value]
    return value
