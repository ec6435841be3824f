"""What becomes of a pod's entries when it is deleted. Those of an inbox go with its rows: nobody else counts them."""

from __future__ import annotations

from mailroom.errors import RaceCondition
from mailroom.keys.scopes import Scope
from mailroom.lists.counts import lowered, row_key
from mailroom.lists.record import ListEntryRecord, ListName, record_of
from mailroom.store import keys
from mailroom.store.port import Action, Delete, ItemStore, Key, Present, Query, TransactionCancelled
from mailroom.store.races import attempts

PAGE = 90
"""Fits one transaction with its counts."""


def remove_entries(o: str, scope: Scope, *, items: ItemStore) -> bool:
    """Deletes a page of a scope's entries, of one list, and lowers the counts with them; False when there are none left.

    Raises RaceCondition where somebody else keeps deleting them.
    """
    counts = row_key(o, scope)
    for _ in attempts():
        rows = items.query(Query("core", counts.pk, PAGE))
        records = [record_of(row) for row in rows if row["sk"] != counts.sk]
        if not records:
            items.delete(counts)
            return False
        name = _list_of(records[0])
        page = [record for record in records if _list_of(record) == name]
        try:
            items.transact([*(_deletion(o, record) for record in page), *lowered(o, scope, name, len(page))])
        except TransactionCancelled:
            continue
        return True
    raise RaceCondition


def _list_of(record: ListEntryRecord) -> ListName:
    return ListName(record["direction"], record["list_type"])


def _deletion(o: str, record: ListEntryRecord) -> Action:
    key: Key = keys.list_entry(o, *_list_of(record), record["entry"], pod_id=record.get("pod_id"), inbox_id=record.get("inbox_id"))
    return Delete(key, Present())
