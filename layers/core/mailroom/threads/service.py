"""Reading one thread: a page of its messages, newest page first, and its attachments (spec: threads.md)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.keys.scopes import Route
from mailroom.messages import render
from mailroom.messages.bodies import load
from mailroom.messages.index import CONVERSATION, message_sort
from mailroom.messages.record import MessageRecord
from mailroom.messages.service import attachment_of, attachment_response
from mailroom.messages.streams import Entry, Source
from mailroom.messages.walker import Page, first_queries, walk
from mailroom.ports import BlobMissing, BlobStore
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key, Reads
from mailroom.threads import aggregate
from mailroom.threads.access import ahead, locate, require_thread
from mailroom.threads.access import reads as thread_reads
from mailroom.threads.listing import hidden_within
from mailroom.threads.record import ThreadRecord
from mailroom.threads.render import thread_item

MAX_PAGE = 100
_EVERYTHING = 1_000_000


def query(request: Request, params: Params) -> Paging:
    return request.paging(params, default=MAX_PAGE, maximum=MAX_PAGE)


def reads(o: str, request: Request) -> Reads:
    """With the first page's entries, where the path names the inbox."""
    found = thread_reads(o, request)
    paging: Paging | None = request.query
    if paging is None or "inbox_id" not in request.path:
        return found
    source = _source(o, request.path["inbox_id"].lower(), request.path["thread_id"])
    return Reads(found.keys, first_queries(source, _position(paging), paging.limit, filtered=False))


def get_thread(
    caller: Caller,
    route: Route,
    thread_id: str,
    paging: Paging,
    *,
    items: ItemStore,
    blobs: BlobStore,
    now: int,
) -> dict[str, Any]:
    """A Thread. Raises NotFound, also where the key may read none of its messages."""
    o = caller.organization_id
    inbox_id = locate(caller, route, thread_id, items=items)
    source, position = _source(o, inbox_id, thread_id), _position(paging)
    first = first_queries(source, position, paging.limit, filtered=False)
    items = ahead(items, route, Reads((keys.inbox(o, inbox_id), keys.thread(o, inbox_id, thread_id)), first))
    thread = require_thread(caller, route, inbox_id, thread_id, items=items)
    lookup = ConversationLookup(o, thread, _visible(caller), items=items, with_bodies=True)
    page = _walk(source, lookup, position, paging.limit, items=items, now=now)
    if not page.items and position is None:
        raise NotFound
    if hidden_within(thread, caller.unreadable_labels()):
        thread = aggregate.rebuild(thread, page.items, now=thread["updated_at"]) or thread
    messages = [
        render.message(record, bodies)
        for record in reversed(page.items)
        if (bodies := _bodies(o, record, lookup.bodies, blobs)) is not None
    ]
    next_position = None if page.position is None else [page.position]
    return thread_item(thread) | paging.finish("messages", messages, next_position)


def get_thread_attachment(
    caller: Caller,
    route: Route,
    thread_id: str,
    attachment_id: str,
    *,
    items: ItemStore,
    blobs: BlobStore,
    now: int,
    seconds: int,
) -> dict[str, Any]:
    """An AttachmentResponse of any message that the key may read. Raises NotFound."""
    o = caller.organization_id
    inbox_id = locate(caller, route, thread_id, items=items)
    wanted = Reads((keys.inbox(o, inbox_id), keys.thread(o, inbox_id, thread_id)))
    items = ahead(items, route, wanted)
    thread = require_thread(caller, route, inbox_id, thread_id, items=items)
    visible = _visible(caller)

    def holds(record: MessageRecord) -> bool:
        return visible(record) and attachment_of(record, attachment_id) is not None

    lookup = ConversationLookup(o, thread, holds, items=items, with_bodies=False)
    page = _walk(_source(o, inbox_id, thread_id), lookup, None, 1, items=items, now=now, filtered=True)
    if not page.items:
        raise NotFound
    record = page.items[0]
    file = attachment_of(record, attachment_id)
    return attachment_response(o, inbox_id, record["uid"], file, blobs=blobs, now=now, seconds=seconds)


class ConversationLookup:
    """`walker.Lookup` for the messages of one thread, with their body rows if wanted."""

    def __init__(
        self, o: str, thread: ThreadRecord, lists: Callable[[MessageRecord], bool], *, items: ItemStore, with_bodies: bool
    ) -> None:
        self._o = o
        self._thread = thread
        self._lists = lists
        self._items = items
        self._with_bodies = with_bodies
        self.bodies: dict[Key, Item] = {}
        """By key of the message."""

    def load(self, entries: Sequence[Entry]) -> list[MessageRecord | None]:
        inbox_id = self._thread["inbox_id"]
        wanted = [keys.message_by_digest(self._o, inbox_id, keys.index_identity(entry.place)) for entry in entries]
        beside = [keys.body(key) for key in wanted] if self._with_bodies else []
        found = self._items.batch_get(list(dict.fromkeys([*wanted, *beside])))
        self.bodies |= {key: found[body] for key, body in zip(wanted, beside, strict=False) if body in found}
        return [cast("MessageRecord | None", found.get(key)) for key in wanted]

    def place(self, item: MessageRecord) -> str:
        return keys.index_place(message_sort(item))

    def agrees(self, entry: Entry, item: MessageRecord) -> bool:
        return entry.key.sk == message_sort(item) and item["thread_id"] == self._thread["thread_id"]

    def lists(self, item: MessageRecord) -> bool:
        return item["thread_id"] == self._thread["thread_id"] and self._lists(item)


def _walk(
    source: Source,
    lookup: ConversationLookup,
    position: str | None,
    limit: int,
    *,
    items: ItemStore,
    now: int,
    filtered: bool = False,
) -> Page[MessageRecord]:
    """To the page's end, whatever is left out on the way: an empty page of a thread means that there is nothing in it."""
    page = walk(source, lookup, position, limit, filtered=filtered, items=items, now=now, max_examined=_EVERYTHING)
    while not page.items and page.position is not None:
        page = walk(source, lookup, page.position, limit, filtered=filtered, items=items, now=now, max_examined=_EVERYTHING)
    return page


def _source(o: str, inbox_id: str, thread_id: str) -> Source:
    return Source(((keys.index_partition(o, inbox_id, CONVERSATION, thread_id),),), None, (0, 1))


def _position(paging: Paging) -> str | None:
    return None if paging.position is None else str(paging.position[0])


def _visible(caller: Caller) -> Callable[[MessageRecord], bool]:
    unreadable = caller.unreadable_labels()
    return lambda record: unreadable.isdisjoint(record["labels"])


def _bodies(o: str, record: MessageRecord, rows: dict[Key, Item], blobs: BlobStore) -> Any:
    """None where the message was deleted meanwhile."""
    try:
        return load(o, record, rows.get(keys.message(o, record["inbox_id"], record["message_id"])), blobs=blobs)
    except BlobMissing:
        return None
