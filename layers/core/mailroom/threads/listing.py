"""GET /threads and GET /inboxes/{inbox_id}/threads: one page of the threads a key reaches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.inboxes.access import require_inbox
from mailroom.messages.filters import ListQuery, occurs, read_list_query, shown
from mailroom.messages.index import THREADS, thread_sort
from mailroom.messages.labels import RESTRICTED
from mailroom.messages.listing import leading_labels
from mailroom.messages.streams import Entry, Source
from mailroom.messages.walker import first_queries, walk
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads
from mailroom.threads.record import ThreadRecord
from mailroom.threads.render import thread_item

TEXT_FILTERS = ("senders", "recipients", "subject")


def query(request: Request, params: Params) -> ListQuery:
    return read_list_query(request, params, TEXT_FILTERS)


def reads(o: str, request: Request) -> Reads:
    """Without an inbox in the path the organization's list is read ahead; a key of narrower scope costs one more trip."""
    asked: ListQuery | None = request.query
    if asked is None:
        return Reads()
    inbox_id = request.path["inbox_id"].lower() if "inbox_id" in request.path else None
    source = _inbox_source(o, inbox_id, asked) if inbox_id else _wide_source(o, None, asked, request.runtime.config.index_shards)
    first = first_queries(source, asked.position, asked.paging.limit, filtered=bool(asked.texts))
    return Reads((keys.inbox(o, inbox_id),) if inbox_id else (), first)


def list_threads(
    caller: Caller, inbox_id: str | None, asked: ListQuery, *, items: ItemStore, now: int, shards: int
) -> dict[str, Any]:
    """A ListThreadsResponse. `inbox_id` is that of the path, if any. Raises NotFound."""
    o = caller.organization_id
    inbox_id = inbox_id or caller.inbox_id
    if inbox_id:
        require_inbox(caller, inbox_id, items=items)
        source = _inbox_source(o, inbox_id, asked)
    else:
        source = _wide_source(o, caller.pod_id, asked, shards)
    lookup = ThreadLookup(caller, asked, items, wide=inbox_id is None)
    filtered = bool(asked.texts)
    page = walk(source, lookup, asked.position, asked.paging.limit, filtered=filtered, items=items, now=now)
    position = None if page.position is None else [page.position]
    return asked.paging.finish("threads", [thread_item(record) for record in page.items], position)


def _inbox_source(o: str, inbox_id: str, asked: ListQuery) -> Source:
    partitions = tuple((keys.index_partition(o, inbox_id, THREADS, label),) for label in leading_labels(asked.labels))
    return Source(partitions, None, asked.classes, asked.after, asked.before, not asked.paging.ascending)


def _wide_source(o: str, pod_id: str | None, asked: ListQuery, shards: int) -> Source:
    partitions = tuple(
        tuple(
            keys.by_pod(o, pod_id, THREADS, label, shard) if pod_id else keys.by_org(o, THREADS, label, shard)
            for shard in range(shards)
        )
        for label in leading_labels(asked.labels)
    )
    index = "by_pod" if pod_id else "by_org"
    return Source(partitions, index, asked.classes, asked.after, asked.before, not asked.paging.ascending)  # type: ignore[arg-type]


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
        inboxes = [keys.owner(entry.key.pk)[1] for entry in entries]
        wanted = [
            keys.thread(self._o, inbox_id, keys.index_identity(entry.place))
            for inbox_id, entry in zip(inboxes, entries, strict=True)
        ]
        owners = [keys.inbox(self._o, inbox_id) for inbox_id in inboxes]
        found = self._items.batch_get(list(dict.fromkeys([*wanted, *(owners if self._wide else ())])))
        dead = {owner for owner in owners if self._wide and (owner not in found or "state" in found[owner])}
        return [
            cast("ThreadRecord | None", None if owner in dead else found.get(key))
            for key, owner in zip(wanted, owners, strict=True)
        ]

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
