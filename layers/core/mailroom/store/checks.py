"""What both adapters refuse alike, before anything is sent or written: DynamoDB's rules for keys, items and transactions.

A write that breaks one is the programmer's mistake (ValueError, TypeError). A read of a key that cannot exist finds nothing,
because the parts of a key come from callers.
"""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.store.port import (
    MAX_ITEM_BYTES,
    MAX_TRANSACTION,
    Action,
    AllOf,
    AnyOf,
    Change,
    Condition,
    Delete,
    Item,
    ItemTooLarge,
    Key,
    Put,
    Query,
    Remove,
    Set,
    Table,
    Update,
)
from mailroom.store.schema import TABLES
from mailroom.store.sizes import item_size, text_size

MAX_PK_BYTES = 2048
MAX_SK_BYTES = 1024
MAX_TRANSACTION_BYTES = 4 * 1024 * 1024


def possible(key: Key) -> bool:
    """Whether an item can have this key."""
    try:
        check_key(key)
    except ValueError:
        return False
    return True


def answerable(query: Query) -> bool:
    """Whether a query can find anything. Raises ValueError for a limit below 1 and an index the table does not have."""
    if query.limit < 1:
        raise ValueError("limit must be at least 1")
    if query.index is not None and query.index not in TABLES[query.table].indexes:
        raise ValueError(f"{query.table} has no index {query.index}")
    if query.low is not None and query.high is not None and query.low > query.high:
        return False
    if query.start is not None and _is_behind(query.start[1], query):
        return False
    bounds = (query.low or "-", "-" if query.high is None else query.high)
    return all(possible(Key(query.table, query.pk, bound)) for bound in bounds)


def starts_inside(query: Query) -> bool:
    """Whether the start lies within the bounds, the only place where DynamoDB accepts one."""
    if query.start is None or not query.start[1]:
        return False
    sk = query.start[1]
    return (query.low is None or query.low <= sk) and (query.high is None or sk <= query.high)


def check_key(key: Key) -> None:
    if not (0 < text_size(key.pk) <= MAX_PK_BYTES and 0 < text_size(key.sk) <= MAX_SK_BYTES):
        raise ValueError(f"no key of {key.table}: {len(key.pk)} and {len(key.sk)} characters")


def whole_item(key: Key, item: Item) -> Item:
    """The item with its key, as it is stored."""
    return {**item, "pk": key.pk, "sk": key.sk}


def check_item(table: Table, item: Item) -> int:
    """The size of a whole item. Raises ItemTooLarge."""
    for index in TABLES[table].indexes:
        if index in item:
            _check_index_key(item[index])
    size = item_size(item)
    if size > MAX_ITEM_BYTES:
        raise ItemTooLarge(f"{size} bytes")
    return size


def check_changes(key: Key, changes: Sequence[Change]) -> int:
    """The size of what is set. Raises ItemTooLarge where that alone is over the limit."""
    names = [change.attribute for change in changes]
    if not names or len(set(names)) != len(names) or not all(names) or {"pk", "sk"} & set(names):
        raise ValueError(f"an update changes each attribute once, at least one, never the key: {names}")
    for change in changes:
        if change.attribute in TABLES[key.table].indexes and not isinstance(change, Remove):
            _check_index_key(change.value if isinstance(change, Set) else change.amount)
    values = {change.attribute: _written(change) for change in changes if not isinstance(change, Remove)}
    size = item_size({**values, "pk": key.pk, "sk": key.sk})
    if size > MAX_ITEM_BYTES:
        raise ItemTooLarge(f"{size} bytes")
    return size


def check_condition(condition: Condition | None) -> None:
    """Raises ValueError for a group of no conditions, which DynamoDB cannot express."""
    if isinstance(condition, AllOf | AnyOf):
        if not condition.conditions:
            raise ValueError("a group of no conditions")
        for part in condition.conditions:
            check_condition(part)


def check_action(action: Action) -> int:
    """The size of what the action writes, 0 where it writes nothing."""
    check_key(action.key)
    check_condition(action.condition)
    if isinstance(action, Put):
        return check_item(action.key.table, whole_item(action.key, action.item))
    if isinstance(action, Update):
        return check_changes(action.key, action.changes)
    return 0


def check_transaction(actions: Sequence[Action]) -> list[int]:
    """The sizes of what is written. Raises ValueError for too many actions or two on one item, ItemTooLarge over 4 MB in all."""
    if len(actions) > MAX_TRANSACTION:
        raise ValueError(f"{len(actions)} actions in a transaction, at most {MAX_TRANSACTION}")
    if len({action.key for action in actions}) != len(actions):
        raise ValueError("two actions on one item in a transaction")
    sizes = [check_action(action) for action in actions]
    if sum(sizes) > MAX_TRANSACTION_BYTES:
        raise ItemTooLarge(f"{sum(sizes)} bytes in one transaction")
    return sizes


def is_plain(action: Action) -> bool:
    """A put or delete without a condition: may be written in bulk."""
    return isinstance(action, Put | Delete) and action.condition is None


def _is_behind(sk: str, query: Query) -> bool:
    if query.descending:
        return query.low is not None and sk < query.low
    return query.high is not None and sk > query.high


def _written(change: Change) -> object:
    return change.value if isinstance(change, Set) else 0


def _check_index_key(value: object) -> None:
    if not isinstance(value, str) or not 0 < text_size(value) <= MAX_PK_BYTES:
        raise ValueError("an index key is a text of 1 to 2048 bytes")
