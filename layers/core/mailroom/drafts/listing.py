"""GET .../drafts: one page of the drafts of an inbox, a pod or all that a key reaches, by `updated_at`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.render import draft_item
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.keys.scopes import Route
from mailroom.messages.filters import ListQuery, read_plain_list_query
from mailroom.messages.index import DRAFTS, draft_sort
from mailroom.messages.streams import Entry
from mailroom.messages.walker import walk
from mailroom.messages.wide import list_reads, load_items, reach
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads


def query(request: Request, params: Params) -> ListQuery:
    return read_plain_list_query(request, params)


def reads(o: str, request: Request) -> Reads:
    return list_reads(o, DRAFTS, request)


def list_drafts(caller: Caller, route: Route, asked: ListQuery, *, items: ItemStore, now: int, shards: int) -> dict[str, Any]:
    """A ListDraftsResponse. Raises NotFound for an inbox or pod that is not there."""
    source, wide = reach(caller, route, DRAFTS, asked, items=items, shards=shards)
    lookup = DraftLookup(caller.organization_id, asked, items, wide=wide)
    page = walk(source, lookup, asked.position, asked.paging.limit, filtered=False, items=items, now=now)
    position = None if page.position is None else [page.position]
    return asked.paging.finish("drafts", [draft_item(record) for record in page.items], position)


class DraftLookup:
    """`walker.Lookup` for drafts of one inbox or (wide) of many."""

    def __init__(self, o: str, asked: ListQuery, items: ItemStore, *, wide: bool) -> None:
        self._o = o
        self._asked = asked
        self._items = items
        self._wide = wide

    def load(self, entries: Sequence[Entry]) -> list[DraftRecord | None]:
        found = load_items(self._o, entries, keys.draft, items=self._items, wide=self._wide)
        return cast("list[DraftRecord | None]", found)

    def place(self, item: DraftRecord) -> str:
        return keys.index_place(draft_sort(item))

    def agrees(self, entry: Entry, item: DraftRecord) -> bool:
        return entry.key.sk == draft_sort(item) and keys.index_label(entry.key.pk) in (keys.ALL, *item["labels"])

    def lists(self, item: DraftRecord) -> bool:
        return set(self._asked.labels) <= set(item["labels"])
