"""GET .../threads: one page of the threads of an inbox, a pod or all that a key reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route, owner_keys, route_of
from mailroom.messages.filters import ListQuery, occurs, read_list_query, shown
from mailroom.messages.index import THREADS, thread_sort
from mailroom.messages.labels import RESTRICTED
from mailroom.messages.streams import Entry
from mailroom.messages.walker import first_queries, walk
from mailroom.messages.wide import inbox_source, load_items, wide_source
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads
from mailroom.threads.record import ThreadRecord
from mailroom.threads.render import thread_item

TEXT_FILTERS = ("senders", "recipients", "subject")


def query(request: Request, params: Params) -> ListQuery:
    return read_list_query(request, params, TEXT_FILTERS)


def reads(o: str, request: Request) -> Reads:
    """The list of the organization, too, is read ahead; a key of narrower scope costs one more trip."""
    asked: ListQuery | None = request.query
    if asked is None:
        return Reads()
    route, shards = route_of(request.path), request.runtime.config.index_shards
    if route.inbox_id is not None:
        source = inbox_source(o, THREADS, route.inbox_id, asked)
    else:
        source = wide_source(o, THREADS, route.pod_id, asked, shards)
    return Reads(owner_keys(o, route), first_queries(source, asked.position, asked.paging.limit, filtered=bool(asked.texts)))


def list_threads(caller: Caller, route: Route, asked: ListQuery, *, items: ItemStore, now: int, shards: int) -> dict[str, Any]:
    """A ListThreadsResponse. Raises NotFound for an inbox or pod that is not there."""
    o, inbox_id = caller.organization_id, route.inbox_id or caller.inbox_id
    if inbox_id is not None:
        require_inbox(caller, inbox_id, items=items)
        source = inbox_source(o, THREADS, inbox_id, asked)
    else:
        if route.pod_id is not None:
            require_pod(caller, route.pod_id, items=items)
        source = wide_source(o, THREADS, route.pod_id or caller.pod_id, asked, shards)
    lookup = ThreadLookup(caller, asked, items, wide=inbox_id is None)
    filtered = bool(asked.texts)
    page = walk(source, lookup, asked.position, asked.paging.limit, filtered=filtered, items=items, now=now)
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
