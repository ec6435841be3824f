"""BatchGetItem and BatchWriteItem: DynamoDB may do a part of each and hand back the rest, which is asked for again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from mailroom.aws import requests
from mailroom.aws.attribute_values import from_attributes
from mailroom.aws.parallel import together
from mailroom.aws.requests import TableNames
from mailroom.aws.retries import ATTEMPTS, Sleep, call, pause
from mailroom.store.port import Delete, Item, Key, Put, StoreBusy, Table, Update

GET_BATCH = 100
WRITE_BATCH = 25


def batch_get(client: Any, tables: TableNames, keys: Sequence[Key], *, sleep: Sleep) -> dict[Key, Item]:
    """The items of distinct keys that exist, each batch of 100 in parallel. Raises StoreBusy."""
    found: dict[Key, Item] = {}
    batches = [keys[start : start + GET_BATCH] for start in range(0, len(keys), GET_BATCH)]
    together([partial(_get_batch, client, tables, batch, found, sleep=sleep) for batch in batches])
    return found


def batch_write(client: Any, tables: TableNames, actions: Sequence[Put | Update | Delete], *, sleep: Sleep) -> None:
    """At most 25 unconditional puts and deletes of distinct items. Raises StoreBusy with some of them done."""
    wanted: dict[str, Any] = {}
    for action in actions:
        wanted.setdefault(tables[action.key.table], []).append(requests.write_request(action))
    _until_done(wanted, lambda rest: _write_some(client, rest, sleep=sleep), sleep=sleep)


def _get_batch(client: Any, tables: TableNames, keys: Sequence[Key], found: dict[Key, Item], *, sleep: Sleep) -> None:
    logical: dict[str, Table] = {tables[key.table]: key.table for key in keys}
    wanted: dict[str, Any] = {}
    for key in keys:
        table = wanted.setdefault(tables[key.table], {"Keys": [], "ConsistentRead": True})
        table["Keys"].append(requests.key_of(key))

    def get_some(rest: dict[str, Any]) -> dict[str, Any]:
        answer = call(lambda: client.batch_get_item(RequestItems=rest), sleep=sleep)
        for name, rows in answer.get("Responses", {}).items():
            for attributes in rows:
                item = from_attributes(attributes)
                found[Key(logical[name], item["pk"], item["sk"])] = item
        unprocessed: dict[str, Any] = answer.get("UnprocessedKeys") or {}
        return unprocessed

    _until_done(wanted, get_some, sleep=sleep)


def _write_some(client: Any, rest: dict[str, Any], *, sleep: Sleep) -> dict[str, Any]:
    answer = call(lambda: client.batch_write_item(RequestItems=rest), sleep=sleep)
    unprocessed: dict[str, Any] = answer.get("UnprocessedItems") or {}
    return unprocessed


def _until_done(wanted: dict[str, Any], do_some: Callable[[dict[str, Any]], dict[str, Any]], *, sleep: Sleep) -> None:
    """Attempts count only while nothing gets done: a large batch may take many answers of 16 MB."""
    fruitless = 0
    while wanted:
        rest = do_some(wanted)
        fruitless = 0 if _count(rest) < _count(wanted) else fruitless + 1
        if fruitless == ATTEMPTS:
            raise StoreBusy("unprocessed after the last attempt")
        if rest:
            sleep(pause(fruitless + 1))
        wanted = rest


def _count(wanted: dict[str, Any]) -> int:
    return sum(len(entry["Keys"] if isinstance(entry, dict) else entry) for entry in wanted.values())
