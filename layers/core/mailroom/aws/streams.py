"""A change feed over the DynamoDB streams themselves, without Lambda."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from mailroom.aws.retries import call
from mailroom.aws.stream_records import change_of
from mailroom.store.port import ChangeRecord, Table
from mailroom.store.schema import TABLES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient


class StreamFeed:
    """A `ChangeFeed` over the streams of `core` and `ev`. A position is a JSON object, `table/shard` -> last sequence read."""

    def __init__(self, client: DynamoDBClient, streams: DynamoDBStreamsClient, tables: Mapping[Table, str]) -> None:
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
            described = call(lambda name=name: self._client.describe_table(TableName=name))  # type: ignore[misc]
            arn = described["Table"]["LatestStreamArn"]
            for shard in self._describe(arn):
                yield table, arn, shard

    def _describe(self, arn: str) -> list[str]:
        shards: list[str] = []
        arguments = {"StreamArn": arn}
        while True:
            description = call(lambda: self._streams.describe_stream(**arguments))["StreamDescription"]
            shards += [shard["ShardId"] for shard in description["Shards"]]
            if "LastEvaluatedShardId" not in description:
                return shards
            arguments["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]

    def _read_shard(self, table: Table, arn: str, shard: str, passed: str | None, limit: int) -> list[ChangeRecord]:
        behind = {"ShardIteratorType": "TRIM_HORIZON"}
        if passed is not None:
            behind = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": passed}
        iterator = call(lambda: self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard, **behind))["ShardIterator"]
        answer = call(lambda: self._streams.get_records(ShardIterator=iterator, Limit=limit))
        return [change_of(record, table) for record in answer["Records"]]
