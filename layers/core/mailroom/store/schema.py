"""The four tables as data: what template.yaml declares, tests create and the embedded store lays out (design: data.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from mailroom.store.port import Index, Table

StreamView = Literal["NEW_AND_OLD_IMAGES", "NEW_IMAGE"]


class TableSchema(NamedTuple):
    """Partition key `pk`, sort key `sk`, both text. An index has the attribute of its own name and `sk`, and projects keys only."""

    indexes: tuple[Index, ...] = ()
    stream: StreamView | None = None
    ttl: bool = False
    backup: bool = False
    """Point-in-time recovery."""


TABLES: dict[Table, TableSchema] = {
    "core": TableSchema(stream="NEW_AND_OLD_IMAGES", ttl=True, backup=True),
    "idx": TableSchema(indexes=("by_pod", "by_org")),
    "ev": TableSchema(indexes=("by_pod", "by_org"), stream="NEW_IMAGE", ttl=True, backup=True),
    "eph": TableSchema(ttl=True),
}

TTL_ATTRIBUTE = "ttl"


def table_properties(table: Table) -> dict[str, Any]:
    """What `CreateTable` and `AWS::DynamoDB::Table` spell alike: keys, indexes, billing."""
    schema = TABLES[table]
    properties: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", *schema.indexes)],
        "KeySchema": _key_schema("pk"),
        "BillingMode": "PAY_PER_REQUEST",
    }
    if schema.indexes:
        properties["GlobalSecondaryIndexes"] = [
            {"IndexName": index, "KeySchema": _key_schema(index), "Projection": {"ProjectionType": "KEYS_ONLY"}}
            for index in schema.indexes
        ]
    return properties


def create_table_arguments(table: Table, name: str) -> dict[str, Any]:
    """Keyword arguments of the DynamoDB client's `create_table`. TTL is switched on by a call of its own there."""
    schema = TABLES[table]
    stream = {"StreamEnabled": True, "StreamViewType": schema.stream} if schema.stream else {"StreamEnabled": False}
    return {"TableName": name, **table_properties(table), "StreamSpecification": stream}


def _key_schema(partition: str) -> list[dict[str, str]]:
    return [{"AttributeName": partition, "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
