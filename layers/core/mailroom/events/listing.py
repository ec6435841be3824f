"""GET .../events: the event log, by time or from a position on.

By time all of an organization's events can be read for as long as they are kept, newest first unless ascending. From a position on
(`after`), in the order of positions: that is how a client that was away catches up (docs/events.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, NamedTuple

from mailroom.callers import Caller
from mailroom.clock import Clock
from mailroom.errors import PositionExpired, ValidationError
from mailroom.events import log, types
from mailroom.events.answers import fitting
from mailroom.events.channels import MAX_CHANNELS
from mailroom.events.log import Entry
from mailroom.events.render import Contents
from mailroom.events.selection import Selection, selected
from mailroom.events.timeline import merged
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.keys.scopes import Route
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key
from mailroom.webhooks.channels import Listed

MAX_PAGE = 250
MAX_POSITION = 2**53 - 1


class EventQuery(NamedTuple):
    paging: Paging
    after: int | None
    event_types: tuple[str, ...]
    listed: Listed


def event_query(request: Request, params: Params) -> EventQuery:
    event_types = tuple(dict.fromkeys(params.strings("event_types")))
    if unknown := set(event_types) - {*types.ALL, *types.LATER}:
        params.reject("event_types", f"Unknown event type {min(unknown)[:100]}")
    listed = _listed(request, params)
    after = _after(params)
    return EventQuery(request.paging(params, event_types, listed, after, maximum=MAX_PAGE), after, event_types, listed)


def list_events(caller: Caller, route: Route, asked: EventQuery, runtime: Runtime, *, items: ItemStore) -> dict[str, Any]:
    """`ListEventsResponse`. Raises MissingPermission, NotFound, PositionExpired, ValidationError."""
    selection = selected(caller, route, asked.event_types, asked.listed, items=items)
    contents = Contents(items=items, blobs=runtime.blobs)
    if asked.after is not None:
        return _after_position(selection, asked.after, asked.paging, contents, items=items, clock=runtime.clock)
    return _by_time(selection, asked.paging, contents, items=items, shards=runtime.config.index_shards)


def _by_time(selection: Selection, paging: Paging, contents: Contents, *, items: ItemStore, shards: int) -> dict[str, Any]:
    """A page may be short, and still name a next one."""
    place = None if paging.position is None else str(paging.position[0])
    found = merged(selection.partitions(shards), place, paging.limit + 1, descending=not paging.ascending, items=items)
    page = list(islice(found, paging.limit + 1))
    rows = _whole(selection.organization_id, page[: paging.limit], items=items)
    events, taken = fitting(rows, lambda few: _shown(few, contents))
    more = len(page) > taken
    return paging.finish("events", events, [page[taken - 1]["sk"]] if more else None)


def _after_position(
    selection: Selection, after: int, paging: Paging, contents: Contents, *, items: ItemStore, clock: Clock
) -> dict[str, Any]:
    o, channels = selection.organization_id, selection.channels()
    start = after if paging.position is None else int(paging.position[0])
    try:
        batch = log.read_after(
            o, start, items=items, limit=paging.limit, wanted=lambda each: channels.hears(each.heard), clock=clock
        )
    except log.PositionExpired as error:
        raise PositionExpired(fix="Leave out `after` to list by time what is kept.") from error
    except log.PositionUnknown as error:
        raise ValidationError.at("after", "Not a position of this organization's events") from error
    gone = _deleted(o, {entry.inbox_id for entry in batch.entries}, items=items)

    def show(few: Sequence[Entry]) -> list[dict[str, Any] | None]:
        events = contents.events([entry for entry in few if entry.inbox_id not in gone])
        return [events.get(entry.position) for entry in few]

    events, taken = fitting(batch.entries, show)
    all_fit = taken == len(batch.entries)
    position = batch.position if all_fit else batch.entries[taken - 1].position
    token = None if batch.done and all_fit else [position]
    return {**paging.finish("events", events, token), "position": position}


def _listed(request: Request, params: Params) -> Listed:
    """A route's own pod or inbox takes the place of what a wider one lists."""
    pod_ids = tuple(dict.fromkeys(params.strings("pod_ids")))
    inbox_ids = tuple(dict.fromkeys(each.lower() for each in params.strings("inbox_ids")))
    if pod_ids and request.path:
        params.reject("pod_ids", "Only where the path names neither pod nor inbox")
    if inbox_ids and "inbox_id" in request.path:
        params.reject("inbox_ids", "Not where the path names an inbox")
    if len(pod_ids) + len(inbox_ids) > MAX_CHANNELS:
        params.reject("inbox_ids" if inbox_ids else "pod_ids", f"At most {MAX_CHANNELS} pods and inboxes")
    return Listed(pod_ids, inbox_ids)


def _after(params: Params) -> int | None:
    text = params.text("after")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16 and int(text) <= MAX_POSITION):
        params.reject("after", "Input should be a position, as events and lists of them carry it")
        return None
    return int(text)


def _whole(o: str, rows: Sequence[Item], *, items: ItemStore) -> list[Item | None]:
    """The rows of which perhaps only the keys are known; None for those that are gone or belong to a deleted inbox."""
    unread = [Key.of("ev", row) for row in rows if "event_id" not in row]
    found = items.batch_get(unread) if unread else {}
    whole = [row if "event_id" in row else found.get(Key.of("ev", row)) for row in rows]
    gone = _deleted(o, {row.get("inbox_id") for row in whole if row is not None}, items=items)
    return [None if row is None or row.get("inbox_id") in gone else row for row in whole]


def _shown(rows: Sequence[Item | None], contents: Contents) -> list[dict[str, Any] | None]:
    events = iter(contents.of_rows([row for row in rows if row is not None]))
    return [None if row is None else next(events) for row in rows]


def _deleted(o: str, inbox_ids: Iterable[str | None], *, items: ItemStore) -> set[str]:
    """Those that are being deleted, or are gone."""
    wanted = {inbox_id: keys.inbox(o, inbox_id) for inbox_id in inbox_ids if inbox_id is not None}
    found = items.batch_get(list(wanted.values())) if wanted else {}
    return {inbox_id for inbox_id, key in wanted.items() if "state" in found.get(key, {"state": "gone"})}
