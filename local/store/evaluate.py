"""Conditions and changes, executed on plain items with DynamoDB's semantics."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.store.port import (
    Absent,
    Add,
    AllOf,
    AnyOf,
    AtLeast,
    AtMost,
    Change,
    Condition,
    Equals,
    Item,
    Key,
    Lacks,
    Present,
    Set,
)


def holds(condition: Condition | None, item: Item | None) -> bool:
    match condition:
        case None:
            return True
        case Absent():
            return item is None
        case Present():
            return item is not None
        case AllOf(parts):
            return all(holds(part, item) for part in parts)
        case AnyOf(parts):
            return any(holds(part, item) for part in parts)
        case Lacks(attribute):
            return item is None or attribute not in item
        case Equals(attribute, wanted):
            return item is not None and attribute in item and _same(item[attribute], wanted)
        case AtMost(attribute, bound):
            value = _number(item, attribute)
            return value is not None and value <= bound
        case AtLeast(attribute, bound):
            value = _number(item, attribute)
            return value is not None and value >= bound


def changed(key: Key, item: Item | None, changes: Sequence[Change]) -> Item:
    """The item afterwards. Raises ValueError where something is added to a value that is no number."""
    after: Item = {**(item or {}), "pk": key.pk, "sk": key.sk}
    for change in changes:
        if isinstance(change, Set):
            after[change.attribute] = change.value
        elif isinstance(change, Add):
            after[change.attribute] = _sum(after, change)
        else:
            after.pop(change.attribute, None)
    return after


def _same(value: object, wanted: object) -> bool:
    # 1 == True in Python; a number and a boolean are of different types in DynamoDB.
    return type(value) is type(wanted) and value == wanted


def _number(item: Item | None, attribute: str) -> int | None:
    value = None if item is None else item.get(attribute)
    return value if type(value) is int else None


def _sum(item: Item, change: Add) -> int:
    value = item.get(change.attribute, 0)
    if type(value) is not int:
        raise ValueError(f"{change.attribute} is no number")
    return value + change.amount
