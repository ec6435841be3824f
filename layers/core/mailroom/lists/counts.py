"""How many entries callers have made: a row per scope, changed by the transactions that add and remove them (design: data.md).

It limits a list exactly, however many add at once, and tells a send or an arrival which lists it need not look into. That of the
organization also counts the entries of all its pods, because whoever sends knows the inbox's pod only when he has read it. What the
service adds is not counted: it is found by the address itself.
"""

from __future__ import annotations

from mailroom.keys.scopes import Scope
from mailroom.lists.record import Direction, ListName
from mailroom.store import keys
from mailroom.store.port import Add, AtLeast, AtMost, Item, Key, Lacks, Update, any_of


def row_key(o: str, scope: Scope) -> Key:
    return keys.list_counts(o, pod_id=scope.pod_id, inbox_id=scope.inbox_id)


def count(row: Item | None, name: ListName) -> int:
    """Of the list at the row's own scope."""
    return int((row or {}).get(_attribute(name), 0))


def pods_count(organization_row: Item | None, direction: Direction) -> int:
    """Of both types, in all pods of the organization together."""
    return int((organization_row or {}).get(_pods_attribute(direction), 0))


def raised(o: str, scope: Scope, name: ListName, limit: int) -> list[Update]:
    """Beside a new entry. The first one's condition is that the list is below the limit."""
    attribute = _attribute(name)
    below = any_of(Lacks(attribute), AtMost(attribute, limit - 1))
    return _changes(o, scope, name, 1, Update(row_key(o, scope), (Add(attribute, 1),), below))


def lowered(o: str, scope: Scope, name: ListName, amount: int = 1) -> list[Update]:
    """Beside the end of entries. Not where the row is gone, with the inbox: it must not come back."""
    attribute = _attribute(name)
    return _changes(o, scope, name, -amount, Update(row_key(o, scope), (Add(attribute, -amount),), AtLeast(attribute, amount)))


def _changes(o: str, scope: Scope, name: ListName, amount: int, own: Update) -> list[Update]:
    if scope.type != "pod":
        return [own]
    return [own, Update(keys.list_counts(o), (Add(_pods_attribute(name.direction), amount),))]


def _attribute(name: ListName) -> str:
    return f"{name.direction}_{name.list_type}"


def _pods_attribute(direction: Direction) -> str:
    return f"pods_{direction}"
