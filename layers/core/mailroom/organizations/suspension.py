"""Suspending an organization, and resuming it: what its credentials stand for is written on their own rows, so that a request is
refused by the row it reads anyway (docs/decisions/0019).

The organization's row goes first. From then on no key can be added, so the pages of those that are there come to an end. Each page
is changed under the condition that the organization still is what the page is changed to: of two operators who disagree the later
one prevails, whoever is done first. A call that died is completed by the same call again.
"""

from __future__ import annotations

from mailroom.clock import Clock
from mailroom.errors import NotFound, RaceCondition
from mailroom.organizations.standing import active
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    Change,
    Check,
    ConditionFailed,
    Equals,
    Item,
    ItemStore,
    Lacks,
    Present,
    Query,
    Remove,
    Set,
    TransactionCancelled,
    Update,
    all_of,
)
from mailroom.store.races import attempts

PAGE = 45
"""Keys whose two rows each, and the organization's, fit one transaction."""


def suspend(o: str, *, items: ItemStore, clock: Clock) -> int:
    """How many keys this call took out of use. Raises NotFound, and RaceCondition where it was resumed meanwhile."""
    row = keys.organization(o)
    since = clock()
    try:
        items.update(row, (Set("suspended", since),), all_of(Present(), Lacks("suspended")))
    except ConditionFailed as failed:
        if failed.item is None:
            raise NotFound(f"There is no organization {o}") from failed
        since = failed.item["suspended"]
    return _spread(o, Set("suspended", since), Check(row, Equals("suspended", since)), items=items)


def resume(o: str, *, items: ItemStore) -> int:
    """How many keys this call put back into use. Raises NotFound, and RaceCondition where it was suspended meanwhile."""
    try:
        items.update(keys.organization(o), (Remove("suspended"),), Present())
    except ConditionFailed as failed:
        raise NotFound(f"There is no organization {o}") from failed
    return _spread(o, Remove("suspended"), active(o), items=items)


def _spread(o: str, change: Change, still: Check, *, items: ItemStore) -> int:
    low, high = keys.api_key_range()
    changed, start = 0, None
    while True:
        query = Query("core", o, PAGE, low, high, start=start)
        rows, count = _page(query, change, still, items=items)
        changed += count
        if len(rows) < PAGE:
            return changed
        start = (o, rows[-1]["sk"])


def _page(query: Query, change: Change, still: Check, *, items: ItemStore) -> tuple[list[Item], int]:
    """The page, and how many of its keys were changed. Keys that are deleted meanwhile make it be read again."""
    for _ in attempts():
        rows = items.query(query)
        others = [row for row in rows if ("suspended" in row) != isinstance(change, Set)]
        if not others:
            return rows, 0
        try:
            items.transact([still, *(action for row in others for action in _changed(row, change))])
        except TransactionCancelled as cancelled:
            if 0 in cancelled.failures:
                break
            continue
        return rows, len(others)
    raise RaceCondition


def _changed(row: Item, change: Change) -> list[Action]:
    """A public key has the one row only."""
    rows = [keys.api_key_record(row["organization_id"], row["api_key_id"])]
    if "secret_hash" in row:
        rows.append(keys.api_key_secret(row["secret_hash"]))
    return [Update(key, (change,), Present()) for key in rows]
