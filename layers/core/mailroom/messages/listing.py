"""GET .../messages: one page of an inbox's messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.inboxes.access import require_inbox
from mailroom.messages.filters import ListQuery, occurs, read_list_query, shown
from mailroom.messages.index import MESSAGES, message_sort
from mailroom.messages.labels import SYSTEM
from mailroom.messages.record import MessageRecord
from mailroom.messages.render import message_item
from mailroom.messages.streams import Entry, Source
from mailroom.messages.walker import first_queries, walk
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads

TEXT_FILTERS = ("from", "to", "subject")
MAX_STREAMS = 4


def query(request: Request, params: Params) -> ListQuery:
    return read_list_query(request, params, TEXT_FILTERS)


def reads(o: str, request: Request) -> Reads:
    inbox_id = request.path["inbox_id"].lower()
    asked: ListQuery | None = request.query
    if asked is None:
        return Reads()
    source, position = source_of(o, inbox_id, asked), asked.position
    first = first_queries(source, position, asked.paging.limit, filtered=bool(asked.texts))
    return Reads((keys.inbox(o, inbox_id),), first)


def list_messages(caller: Caller, inbox_id: str, asked: ListQuery, *, items: ItemStore, now: int) -> dict[str, Any]:
    """A ListMessagesResponse. Raises NotFound."""
    require_inbox(caller, inbox_id, items=items)
    o = caller.organization_id
    page = walk(
        source_of(o, inbox_id, asked),
        MessageLookup(o, inbox_id, asked, asked.readable(caller), items),
        asked.position,
        asked.paging.limit,
        filtered=bool(asked.texts),
        items=items,
        now=now,
    )
    position = None if page.position is None else [page.position]
    return asked.paging.finish("messages", [message_item(record) for record in page.items], position)


def source_of(o: str, inbox_id: str, asked: ListQuery) -> Source:
    partitions = tuple((keys.index_partition(o, inbox_id, MESSAGES, label),) for label in leading_labels(asked.labels))
    return Source(partitions, None, asked.classes, asked.after, asked.before, not asked.paging.ascending)


def leading_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels whose streams are read: rarer kinds first; the others are looked up on the items."""
    return tuple(sorted(labels, key=lambda label: (label in SYSTEM, label == "unread", label)))[:MAX_STREAMS] or (keys.ALL,)


class MessageLookup:
    """`walker.Lookup` for the messages of one inbox."""

    def __init__(self, o: str, inbox_id: str, asked: ListQuery, readable: frozenset[str], items: ItemStore) -> None:
        self._o = o
        self._inbox_id = inbox_id
        self._asked = asked
        self._readable = readable
        self._items = items

    def load(self, entries: Sequence[Entry]) -> list[MessageRecord | None]:
        wanted = [keys.message_by_digest(self._o, self._inbox_id, keys.index_identity(entry.place)) for entry in entries]
        found = self._items.batch_get(list(dict.fromkeys(wanted)))
        return [cast("MessageRecord | None", found.get(key)) for key in wanted]

    def place(self, item: MessageRecord) -> str:
        return keys.index_place(message_sort(item))

    def agrees(self, entry: Entry, item: MessageRecord) -> bool:
        return entry.key.sk == message_sort(item) and keys.index_label(entry.key.pk) in (keys.ALL, *item["labels"])

    def lists(self, item: MessageRecord) -> bool:
        return (
            set(self._asked.labels) <= set(item["labels"])
            and shown(item["labels"], self._readable)
            and all(occurs(needles, _texts(item, name)) for name, needles in self._asked.texts)
        )


def _texts(record: MessageRecord, name: str) -> list[str]:
    if name == "from":
        return [record["from"]]
    if name == "to":
        return [*record["to"], *record.get("cc", ()), *record.get("bcc", ())]
    return [record.get("subject", "")]
