"""Actions on rows, inside of a transaction of the database: read what stands there, judge, then write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from local.store import changelog, rows
from local.store.changelog import Logged
from local.store.codec import encode
from local.store.evaluate import changed, holds
from local.store.rows import Row
from mailroom.store.checks import check_item, is_plain, whole_item
from mailroom.store.port import Action, Check, Item, Key, Put, Update, without_key
from mailroom.store.schema import TABLES


class Prepared(NamedTuple):
    """An action, checked, and encoded as far as that is possible without knowing what stands there."""

    action: Action
    row: Row | None = None


class Transition(NamedTuple):
    """What an action did. Where neither a condition nor the change log needs it, `old` is not read."""

    action: Action
    held: bool
    old: Row | None
    new: Row | None


def prepare(action: Action) -> Prepared:
    """For an action that `checks.check_action` lets through."""
    if isinstance(action, Put):
        return Prepared(action, _row(action.key, whole_item(action.key, action.item)))
    return Prepared(action)


def judge(connection: sqlite3.Connection, prepared: Sequence[Prepared], *, keep_old: bool) -> list[Transition]:
    """What each action would do, each item named once. Raises ItemTooLarge, and ValueError for adding to what is no number."""
    unread = [] if keep_old else [p for p in prepared if is_plain(p.action) and TABLES[p.action.key.table].stream is None]
    skipped = {p.action.key for p in unread}
    found = rows.load(connection, [p.action.key for p in prepared if p.action.key not in skipped])
    return [_transition(p, found.get(p.action.key)) for p in prepared]


def store(connection: sqlite3.Connection, transitions: Iterable[Transition]) -> list[Logged]:
    """Writes those whose condition held; what that appended to the change log."""
    effective = [t for t in transitions if t.held and not isinstance(t.action, Check) and not _idle(t)]
    rows.put(connection, [t.new for t in effective if t.new is not None])
    rows.delete(connection, [t.action.key for t in effective if t.new is None])
    return changelog.append(connection, [(t.action.key, t.old, t.new) for t in effective])


def _transition(prepared: Prepared, old: Row | None) -> Transition:
    action, item = prepared.action, None if old is None else old.item
    if not holds(action.condition, item):
        return Transition(action, False, old, old)
    if isinstance(action, Put):
        return Transition(action, True, old, prepared.row)
    if isinstance(action, Update):
        after = changed(action.key, item, action.changes)
        check_item(action.key.table, after)
        return Transition(action, True, old, _row(action.key, after))
    return Transition(action, True, old, old if isinstance(action, Check) else None)


def _idle(transition: Transition) -> bool:
    """Nothing changes: then DynamoDB's stream has no record either."""
    old, new = transition.old, transition.new
    return old is not None and new is not None and old.item == new.item and old.encoded == new.encoded


def _row(key: Key, item: Item) -> Row:
    return Row(key, item, encode(without_key(item)))
