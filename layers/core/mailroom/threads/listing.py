"""GET .../threads: one page of the threads of an inbox, a pod or all that a key reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.keys.scopes import Route
from mailroom.messages.filters import ListQuery, occurs, read_list_query, shown
from mailroom.messages.index import THREADS, thread_sort
from mailroom.messages.labels import RESTRICTED
from mailroom.messages.streams import Entry
from mailroom.messages.walker import walk
from mailroom.messages.wide import list_reads, load_items, reach
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads
from mailroom.threads.record import ThreadRecord
from mailroom.threads.render import thread_item

TEXT_FILTERS = ("senders", "recipients", "subject")


def query(request: Request, params: Params) -> ListQuery:
    return read_list_query(request, params, TEXT_FILTERS)


def reads(o: str, request: Request) -> Reads:
    return list_reads(o, THREADS, request)


def list_threads(caller: Caller, route: Route, asked: ListQuery, *, items: ItemStore, now: int, shards: int) -> dict[str, Any]:
    """A ListThreadsResponse. Raises NotFound for an inbox or pod that is not there."""
    source, wide = reach(caller, route, THREADS, asked, items=items, shards=shards)
    lookup = ThreadLookup(caller, asked, items, wide=wide)
    page = walk(source, lookup, asked.position, asked.paging.limit, filtered=bool(asked.texts), items=items, now=now)
    position = None if page.position is None else [page.position]
    return asked.paging.finish("threads", [thread_item(record) for record in page.items], position)


class ThreadLookup:
    """`walker.Lookup` for threads of one inbox or (wide) of many, whose inboxes are then read as well: one that is being deleted
    has no threads any more."""

    def __init__(self, caller: Caller, asked: ListQuery, items: ItemStore, *, wide: bool) -> None:
        self._o = caller.organization_id
        self._asked = asked
        self._items = items
        self._wide = wide
        self._readable = asked.readable(caller)
        self._unreadable = caller.unreadable_labels()

    def load(self, entries: Sequence[Entry]) -> list[ThreadRecord | None]:
        found = load_items(self._o, entries, keys.thread, items=self._items, wide=self._wide)
        return cast("list[ThreadRecord | None]", found)

    def place(self, item: ThreadRecord) -> str:
        return keys.index_place(thread_sort(item))

    def agrees(self, entry: Entry, item: ThreadRecord) -> bool:
        return (
            not item.get("deleting")
            and entry.key.sk == thread_sort(item)
            and keys.index_label(entry.key.pk) in (keys.ALL, *item["labels"])
        )

    def lists(self, item: ThreadRecord) -> bool:
        return (
            not item.get("deleting")
            and set(self._asked.labels) <= set(item["labels"])
            and shown(item["labels"], self._readable)
            and not hidden_within(item, self._unreadable)
            and all(occurs(needles, _texts(item, name)) for name, needles in self._asked.texts)
        )


def hidden_within(thread: ThreadRecord, unreadable: frozenset[str]) -> bool:
    """Whether what the thread shows may come from messages that the key may not read: no message is clean, and some carry such
    a label without all doing so."""
    return thread["clean"] == 0 and any(thread["lc"].get(label) for label in RESTRICTED & unreadable)


def _texts(record: ThreadRecord, name: str) -> list[str]:
    if name == "subject":
        return [record.get("subject", "")]
    return record["senders"] if name == "senders" else record["recipients"]
