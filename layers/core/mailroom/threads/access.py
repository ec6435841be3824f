"""Where a thread is, and whether it exists for a caller."""

from __future__ import annotations

from typing import cast

from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.http.endpoint import Request
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route
from mailroom.messages.edits import conversation, conversation_queries
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads
from mailroom.store.prefetch import PrefetchedStore
from mailroom.threads.record import ThreadRecord


def reads(o: str, request: Request) -> Reads:
    """Below an inbox its row and the thread's; else the pointer that tells the inbox."""
    thread_id = request.path["thread_id"]
    if "inbox_id" not in request.path:
        return Reads((keys.thread_pointer(o, thread_id),))
    inbox_id = request.path["inbox_id"].lower()
    return Reads((keys.inbox(o, inbox_id), keys.thread(o, inbox_id, thread_id)))


def conversation_reads(o: str, request: Request) -> Reads:
    """`reads`, and below an inbox the entries of all of the thread's messages."""
    found = reads(o, request)
    if "inbox_id" not in request.path:
        return found
    return Reads(found.keys, conversation_queries(o, request.path["inbox_id"].lower(), request.path["thread_id"]))


def locate(caller: Caller, route: Route, thread_id: str, *, items: ItemStore) -> str:
    """The inbox of the route, else that of the thread. Raises NotFound."""
    if route.inbox_id is not None:
        return route.inbox_id
    pointer = items.get(keys.thread_pointer(caller.organization_id, thread_id))
    if pointer is None:
        raise NotFound
    return str(pointer["inbox_id"])


def ahead(items: ItemStore, route: Route, wanted: Reads) -> ItemStore:
    """A store that has read `wanted` in one trip, where the request's own prefetch could not know the inbox."""
    if route.inbox_id is not None:
        return items
    store = PrefetchedStore(items)
    store.prefetch(wanted)
    return store


def require_thread(caller: Caller, route: Route, inbox_id: str, thread_id: str, *, items: ItemStore) -> ThreadRecord:
    """Raises NotFound for an inbox or a thread that is not there, is being deleted, out of scope or not in the route's pod."""
    require_inbox(caller, inbox_id, items=items, pod_id=route.pod_id)
    row = items.get(keys.thread(caller.organization_id, inbox_id, thread_id))
    if row is None or row.get("deleting"):
        raise NotFound
    return cast(ThreadRecord, row)


def open_thread(caller: Caller, route: Route, thread_id: str, *, items: ItemStore) -> tuple[ThreadRecord, ItemStore]:
    """The thread, and a store that has the entries of its messages ready for `messages_of`. Raises NotFound."""
    o = caller.organization_id
    inbox_id = locate(caller, route, thread_id, items=items)
    wanted = Reads((keys.inbox(o, inbox_id), keys.thread(o, inbox_id, thread_id)), conversation_queries(o, inbox_id, thread_id))
    items = ahead(items, route, wanted)
    return require_thread(caller, route, inbox_id, thread_id, items=items), items


def messages_of(caller: Caller, thread: ThreadRecord, *, items: ItemStore) -> list[MessageRecord]:
    """All of a thread's messages, hidden ones too. Raises NotFound where the key may read none of them."""
    o, inbox_id, thread_id = caller.organization_id, thread["inbox_id"], thread["thread_id"]
    queries = conversation_queries(o, inbox_id, thread_id)
    pages = items.fetch(Reads(queries=queries)).pages
    messages = conversation(o, inbox_id, thread_id, [entry for query in queries for entry in pages[query]], items=items)
    unreadable = caller.unreadable_labels()
    if messages and not any(unreadable.isdisjoint(message["labels"]) for message in messages):
        raise NotFound
    return messages


def visible_at_sight(caller: Caller, thread: ThreadRecord) -> bool:
    """Whether the key surely may read one of the messages. Without that, only reading them tells."""
    return thread["clean"] > 0 or not caller.unreadable_labels()
