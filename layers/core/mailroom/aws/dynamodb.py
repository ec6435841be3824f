"""The item store of a deployment on AWS, in DynamoDB."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from mailroom.aws import bulk, requests
from mailroom.aws.attribute_values import from_attributes
from mailroom.aws.parallel import together
from mailroom.aws.retries import Applied, Sleep, call
from mailroom.store import meter
from mailroom.store.checks import answerable, check_action, check_transaction, is_plain, possible, whole_item
from mailroom.store.port import (
    Action,
    Change,
    Condition,
    ConditionFailed,
    Delete,
    Fetched,
    Item,
    Key,
    Put,
    Query,
    Reads,
    Remove,
    StoreBusy,
    Table,
    Update,
)
from mailroom.store.schema import TABLES
from mailroom.store.sizes import item_size

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DynamoItemStore:
    """An `ItemStore`. `client` is made with `retries.CLIENT_CONFIG`; `tables` maps to the deployed names."""

    def __init__(self, client: DynamoDBClient, tables: Mapping[Table, str], *, sleep: Sleep = time.sleep) -> None:
        # Requests are built as plain dictionaries; the stubs' TypedDicts would have to be repeated for each of them.
        self._client: Any = client
        self._tables = tables
        self._sleep = sleep

    def get(self, key: Key) -> Item | None:
        item = None
        if possible(key):
            arguments = {"TableName": self._tables[key.table], "Key": requests.key_of(key), "ConsistentRead": True}
            attributes = self._call(lambda: self._client.get_item(**arguments)).get("Item")
            item = from_attributes(attributes) if attributes else None
        meter.count_read("get", lambda: meter.get_units([item_size(item or {})]))
        return item

    def batch_get(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found = self._load(keys)
        meter.count_read("batch_get", lambda: _get_units(keys, found), trips=meter.batch_trips(len(set(keys)), bulk.GET_BATCH))
        return found

    def query(self, query: Query) -> list[Item]:
        page = self._select(query)
        meter.count_read("query", lambda: _query_units(query, page))
        return page

    def fetch(self, reads: Reads) -> Fetched:
        fetched = Fetched()
        parts: list[Callable[[], object]] = []
        if reads.keys:
            parts.append(lambda: fetched.items.update(self._load(reads.keys)))
        parts += [partial(self._page_into, fetched, query) for query in dict.fromkeys(reads.queries)]
        together(parts)
        meter.count_read("fetch", lambda: _fetch_units(reads, fetched))
        return fetched

    def put(self, key: Key, item: Item, condition: Condition | None = None) -> None:
        action = Put(key, item, condition)
        try:
            self._single("put", action)
        except Applied as lost:
            # The lost attempt wrote exactly this: it was ours.
            if lost.item != whole_item(key, item):
                raise ConditionFailed(lost.item) from lost

    def update(self, key: Key, changes: Sequence[Change], condition: Condition | None = None) -> Item:
        try:
            answer = self._single("update", Update(key, tuple(changes), condition))
        except Applied as lost:
            raise StoreBusy("an update's answer was lost and its condition no longer holds") from lost
        return from_attributes(answer["Attributes"])

    def delete(self, key: Key, condition: Condition | None = None) -> Item | None:
        try:
            answer = self._single("delete", Delete(key, condition))
        except Applied as lost:
            raise StoreBusy("a delete's answer was lost and its condition no longer holds") from lost
        attributes = answer.get("Attributes")
        return from_attributes(attributes) if attributes else None

    def write(self, actions: Sequence[Put | Update | Delete]) -> list[bool]:
        sizes = [check_action(action) for action in actions]
        plain = {action.key: position for position, action in enumerate(actions) if is_plain(action)}
        in_bulk = [actions[position] for position in plain.values()] if _no_key_twice(actions) else []
        alone = [position for position, action in enumerate(actions) if not in_bulk or not is_plain(action)]
        held = [True] * len(actions)

        def one(position: int) -> None:
            held[position] = self._holds(actions[position])

        together([*self._bulk_parts(in_bulk), *[partial(one, position) for position in alone]])
        meter.count_write("write", lambda: sum(map(_write_units, actions, sizes)), trips=meter.batch_trips(len(actions)))
        return held

    def transact(self, actions: Sequence[Action]) -> None:
        sizes = check_transaction(actions)
        if not actions:
            return
        transacted = partial(_write_units, transaction=True)
        meter.count_write("transact", lambda: sum(map(transacted, actions, sizes)))
        arguments = {
            "TransactItems": [requests.transact_item(action, self._tables) for action in actions],
            # The same in every attempt: a repeated transaction whose answer was lost succeeds without applying twice.
            "ClientRequestToken": uuid.uuid4().hex,
        }
        self._call(lambda: self._client.transact_write_items(**arguments))

    def _call(self, request: Callable[[], Any]) -> Any:
        return call(request, sleep=self._sleep)

    def _load(self, keys: Sequence[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(key for key in keys if possible(key)))
        return bulk.batch_get(self._client, self._tables, wanted, sleep=self._sleep)

    def _page_into(self, fetched: Fetched, query: Query) -> None:
        fetched.pages[query] = self._select(query)

    def _select(self, query: Query) -> list[Item]:
        if not answerable(query):
            return []
        page: list[Item] = []
        arguments = requests.query(query, self._tables)
        while True:
            arguments["Limit"] = query.limit - len(page)
            answer = self._call(lambda: self._client.query(**arguments))
            page += [from_attributes(attributes) for attributes in answer["Items"]]
            if len(page) >= query.limit or "LastEvaluatedKey" not in answer:
                return page
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _single(self, operation: str, action: Put | Update | Delete) -> Any:
        size = check_action(action)
        meter.count_write(operation, lambda: _write_units(action, size))
        return self._send(action)

    def _send(self, action: Put | Update | Delete) -> Any:
        method, arguments = requests.single(action, self._tables)
        return self._call(lambda: getattr(self._client, method)(**arguments))

    def _holds(self, action: Put | Update | Delete) -> bool:
        try:
            self._send(action)
        except ConditionFailed:
            return False
        except Applied as lost:
            if not isinstance(action, Put):
                raise StoreBusy("a write's answer was lost and its condition no longer holds") from lost
            return lost.item == whole_item(action.key, action.item)
        return True

    def _bulk_parts(self, actions: Sequence[Put | Update | Delete]) -> list[Callable[[], object]]:
        parts = [actions[start : start + bulk.WRITE_BATCH] for start in range(0, len(actions), bulk.WRITE_BATCH)]
        return [partial(bulk.batch_write, self._client, self._tables, part, sleep=self._sleep) for part in parts]


def _no_key_twice(actions: Sequence[Action]) -> bool:
    return len({action.key for action in actions}) == len(actions)


def _get_units(keys: Sequence[Key], found: Mapping[Key, Item]) -> float:
    return meter.get_units(item_size(found.get(key, {})) for key in set(keys))


def _fetch_units(reads: Reads, fetched: Fetched) -> float:
    pages = sum(_query_units(query, page) for query, page in fetched.pages.items())
    return pages + (_get_units(reads.keys, fetched.items) if reads.keys else 0)


def _query_units(query: Query, page: list[Item]) -> float:
    return meter.query_units([item_size(item) for item in page], index=query.index is not None)


def _write_units(action: Action, size: int, *, transaction: bool = False) -> int:
    return meter.write_units(size, index_entries=_index_entries(action), transaction=transaction)


def _index_entries(action: Action) -> int:
    indexes = TABLES[action.key.table].indexes
    if isinstance(action, Put):
        return sum(index in action.item for index in indexes)
    if isinstance(action, Update):
        touched = {change.attribute for change in action.changes if not isinstance(change, Remove)}
        return sum(index in touched for index in indexes)
    return 0
