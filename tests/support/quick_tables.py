"""moto's tables, made quick: by itself each transaction copies the whole table, and each query sorts and searches it."""

from __future__ import annotations

import copy
import threading
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, NamedTuple

from moto.core.common_models import BaseModel
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import StreamRecord, StreamShard, Table
from moto.dynamodb.models.utilities import bytesize
from moto.dynamodbstreams.models import ShardIterator, dynamodbstreams_backends

LARGEST_ITEM = 405_000
"""Bytes, where moto draws the line."""


@cache
def quicken() -> None:
    """For the whole process, and once."""
    _share_values()
    _cast_text_at_once()
    _weigh_once()
    _undo_what_was_touched()
    _look_only_where_it_can_be()
    for kind in (Item, StreamRecord, ShardIterator):
        _forget(kind)


def drop(names: Collection[str], *, account: str, region: str) -> None:
    """Removes tables, and the places at which their streams were read, all of which would stay."""
    streams = dynamodbstreams_backends[account][region]
    for place, iterator in [*streams.shard_iterators.items()]:
        if iterator.stream_shard.table.name in names:
            del streams.shard_iterators[place]
    for name in names:
        streams.dynamodb.delete_table(name)


def _share_values() -> None:
    """Values are replaced here, never changed in place, because nobody writes below an attribute: a copy of an item may have the
    same ones."""

    def copied(self: Item, memo: dict[int, Any]) -> Item:
        same = Item.__new__(Item)
        same.hash_key, same.range_key, same.attrs = self.hash_key, self.range_key, LimitedSizeDict.__new__(LimitedSizeDict)
        # Past the check of the size, which each of them has passed.
        dict.update(same.attrs, self.attrs)
        return same

    Item.__deepcopy__ = copied  # type: ignore[method-assign]


def _weigh_once() -> None:
    """Otherwise each attribute of a new item has those before it weighed again."""

    def made(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
        self.hash_key, self.range_key, self.attrs = hash_key, range_key, LimitedSizeDict()
        dict.update(self.attrs, {name: DynamoType(value) for name, value in attrs.items()})
        if sum(bytesize(name) + value.size() for name, value in self.attrs.items()) > LARGEST_ITEM:
            raise ItemSizeTooLarge

    Item.__init__ = made  # type: ignore[method-assign]


def _forget(kind: type[BaseModel]) -> None:
    """moto keeps each of its objects for as long as the process lives."""
    kind.__new__ = lambda cls, *arguments, **named: object.__new__(cls)  # type: ignore[method-assign]


class _Before(NamedTuple):
    """An item as it was, None where there was none."""

    table: Table
    key: tuple[DynamoType, DynamoType]
    item: Item | None

    def restore(self) -> None:
        partition, sort = self.key
        if self.item is None:
            self.table.items[partition].pop(sort, None)
        else:
            self.table.items[partition][sort] = self.item


def _undo_what_was_touched() -> None:
    """A transaction that fails is undone by what it wrote, instead of by a copy of all that the table holds."""
    transact = DynamoDBBackend.transact_write_items

    def undoing(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = list(_touched(self, transact_items))
        written = [(shard, len(shard.items)) for shard in _shards(before)]
        try:
            transact(self, transact_items)
        except BaseException:
            for each in reversed(before):
                each.restore()
            for shard, length in written:
                del shard.items[length:]
            raise

    DynamoDBBackend.transact_write_items = undoing  # type: ignore[method-assign]
    Table.__deepcopy__ = lambda self, memo: self  # type: ignore[attr-defined]


def _touched(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> Iterator[_Before]:
    for action in transact_items:
        for what in action.values():
            table = backend.tables.get(what["TableName"])
            attributes = what.get("Key") or what["Item"]
            if table and attributes.keys() >= {*table.table_key_attrs}:
                partition, sort = (DynamoType(attributes[name]) for name in table.table_key_attrs)
                yield _Before(table, (partition, sort), copy.deepcopy(table.get_item(partition, sort)))


def _shards(before: list[_Before]) -> list[StreamShard]:
    return list({id(each.table): each.table.stream_shard for each in before if each.table.stream_shard is not None}.values())


def _look_only_where_it_can_be() -> None:
    """A query states its partition, of the table or of an index; moto looks for it in all items, which it sorts before."""
    asked = threading.local()
    query, everything = Table.query, Table.all_items

    def narrowed(self: Table, hash_key: DynamoType | None, *arguments: Any, **named: Any) -> Any:
        asked.conditions = named["hash_key_conditions"] or []
        try:
            return query(self, hash_key, *arguments, **named)
        finally:
            del asked.conditions

    def possible(self: Table) -> list[Item]:
        conditions = getattr(asked, "conditions", None)
        return everything(self) if conditions is None else list(_possible(self, conditions))

    Table.query = narrowed  # type: ignore[method-assign]
    Table.all_items = possible  # type: ignore[method-assign]


def _possible(table: Table, conditions: list[tuple[str, DynamoType]]) -> Iterator[Item]:
    [(attribute, wanted)] = conditions
    if attribute == table.hash_key_attr:
        yield from table.items.get(wanted, {}).values()
    else:
        for row in table.items.values():
            for item in row.values():
                held = item.attrs.get(attribute)
                if held is not None and held.value == wanted.value:
                    yield item


def _cast_text_at_once() -> None:
    cast = DynamoType.cast_value.fget
    assert cast is not None
    DynamoType.cast_value = property(lambda self: self.value if self.type == "S" else cast(self))  # type: ignore[method-assign]
