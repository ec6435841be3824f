"""The port's reads and writes as arguments of the DynamoDB client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.aws.attribute_values import to_attributes
from mailroom.aws.expressions import Expressions
from mailroom.store.checks import starts_inside, whole_item
from mailroom.store.port import Action, Check, Delete, Key, Put, Query, Table, Update

TableNames = Mapping[Table, str]

_METHODS = {Put: "put_item", Update: "update_item", Delete: "delete_item"}
_TRANSACT = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
_RETURNS = {Put: "NONE", Update: "ALL_NEW", Delete: "ALL_OLD"}


def key_of(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def single(action: Put | Update | Delete, tables: TableNames) -> tuple[str, dict[str, Any]]:
    """The client's method and its arguments."""
    return _METHODS[type(action)], {**_arguments(action, tables), "ReturnValues": _RETURNS[type(action)]}


def transact_item(action: Action, tables: TableNames) -> dict[str, Any]:
    return {_TRANSACT[type(action)]: _arguments(action, tables)}


def write_request(action: Put | Update | Delete) -> dict[str, Any]:
    """An unconditional put or delete as an entry of `BatchWriteItem`."""
    if isinstance(action, Put):
        return {"PutRequest": {"Item": to_attributes(whole_item(action.key, action.item))}}
    return {"DeleteRequest": {"Key": key_of(action.key)}}


def query(query: Query, tables: TableNames) -> dict[str, Any]:
    """Everything but the limit, for a query that `checks.answerable` lets through."""
    expressions = Expressions()
    arguments: dict[str, Any] = {
        "TableName": tables[query.table],
        "KeyConditionExpression": expressions.key_condition(query),
        "ScanIndexForward": not query.descending,
        "ConsistentRead": query.index is None,
    }
    if query.index is not None:
        arguments["IndexName"] = query.index
    if query.start is not None and starts_inside(query):
        arguments["ExclusiveStartKey"] = _start_key(query, query.start)
    return arguments | expressions.arguments()


def _start_key(query: Query, start: tuple[str, str]) -> dict[str, Any]:
    pk, sk = start
    if query.index is None:
        return {"pk": {"S": query.pk}, "sk": {"S": sk}}
    return {"pk": {"S": pk}, "sk": {"S": sk}, query.index: {"S": query.pk}}


def _arguments(action: Action, tables: TableNames) -> dict[str, Any]:
    expressions = Expressions()
    arguments: dict[str, Any] = {"TableName": tables[action.key.table]}
    if isinstance(action, Put):
        arguments["Item"] = to_attributes(whole_item(action.key, action.item))
    else:
        arguments["Key"] = key_of(action.key)
    if isinstance(action, Update):
        arguments["UpdateExpression"] = expressions.changes(action.changes)
    if action.condition is not None:
        arguments["ConditionExpression"] = expressions.condition(action.condition)
        arguments["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return arguments | expressions.arguments()
