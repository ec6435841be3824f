"""GET .../drafts: one page of the drafts of an inbox, a pod or all that a key reaches, by `updated_at`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.render import draft_item
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route, owner_keys, route_of
from mailroom.messages.filters import ListQuery, read_plain_list_query
from mailroom.messages.index import DRAFTS, draft_sort
from mailroom.messages.streams import Entry
from mailroom.messages.walker import first_queries, walk
from mailroom.messages.wide import inbox_source, load_items, wide_source
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads


def query(request: Request, params: Params) -> ListQuery:
    return read_plain_list_query(request, params)


def reads(o: str, request: Request) -> Reads:
    """The list of the organization, too, is read ahead; a key of narrower scope costs one more trip."""
    asked: ListQuery | None = request.query
    if asked is None:
        return Reads()
    route, shards = route_of(request.path), request.runtime.config.index_shards
    if route.inbox_id is not None:
        source = inbox_source(o, DRAFTS, route.inbox_id, asked)
    else:
        source = wide_source(o, DRAFTS, route.pod_id, asked, shards)
    return Reads(owner_keys(o, route), first_queries(source, asked.position, asked.paging.limit, filtered=False))


def list_drafts(caller: Caller, route: Route, asked: ListQuery, *, items: ItemStore, now: int, shards: int) -> dict[str, Any]:
    """A ListDraftsResponse. Raises NotFound for an inbox or pod that is not there."""
    o, inbox_id = caller.organization_id, route.inbox_id or caller.inbox_id
    if inbox_id is not None:
        require_inbox(caller, inbox_id, items=items)
        source = inbox_source(o, DRAFTS, inbox_id, asked)
    else:
        if route.pod_id is not None:
            require_pod(caller, route.pod_id, items=items)
        source = wide_source(o, DRAFTS, route.pod_id or caller.pod_id, asked, shards)
    lookup = DraftLookup(o, asked, items, wide=inbox_id is None)
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
