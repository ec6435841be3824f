"""A page of the event log on its way to the sockets that want to hear of it.

Finding them takes one query for each place that the page's events touch, whoever else is connected.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from mailroom.clock import Clock
from mailroom.events.log import Entry, Page
from mailroom.events.render import Contents
from mailroom.events.sizes import frame_text
from mailroom.ports import Sockets
from mailroom.sockets.audience import Audience
from mailroom.sockets.ending import end, unread
from mailroom.sockets.hearing import places_touched
from mailroom.store.port import Item, ItemStore, Query, Reads

PAGE = 1000
RENDERED = 10
"""Events in memory at once: each may be as large as its mail."""


def push(page: Page, contents: Contents, *, items: ItemStore, sockets: Sockets, clock: Clock) -> None:
    """Each connection gets what it wants to hear of, in order. One that does not take a frame is closed, so that it resumes; it
    never stops the others. Raises StoreBusy, before anything was sent."""
    listeners = _listeners(page, items=items)
    if not listeners:
        return
    audience = Audience(page, items=items, now=clock())
    audience.admit(listeners)
    texts = _texts(page.entries, audience.wanted.values(), contents)
    frames = {
        connection_id: [texts[entry.position] for entry in entries if entry.position in texts]
        for connection_id, entries in audience.wanted.items()
    }
    lost = sockets.post_all(frames)
    end([*audience.ended, *(unread(audience.records[each]) for each in lost)], items=items, sockets=sockets)


def _listeners(page: Page, *, items: ItemStore) -> dict[str, str]:
    """Connection id -> id of its API key, of everyone at the places that the page touches."""
    found: dict[str, str] = {}
    queries = [Query("eph", place, PAGE) for place in places_touched(page.organization_id, page.entries)]
    while queries:
        pages = items.fetch(Reads(queries=tuple(queries))).pages
        found.update((row["sk"], row["api_key_id"]) for query in queries for row in pages[query])
        queries = [_behind(query, pages[query]) for query in queries if len(pages[query]) == PAGE]
    return found


def _behind(query: Query, rows: Sequence[Item]) -> Query:
    return Query(query.table, query.pk, query.limit, start=(query.pk, rows[-1]["sk"]))


def _texts(entries: Sequence[Entry], wanted: Iterable[Sequence[Entry]], contents: Contents) -> Mapping[int, str]:
    """Position -> frame, of what anyone wants; each made once. Events whose inbox was deleted meanwhile have none."""
    positions = {entry.position for each in wanted for entry in each}
    needed = [entry for entry in entries if entry.position in positions]
    texts: dict[int, str] = {}
    for start in range(0, len(needed), RENDERED):
        events = contents.events(needed[start : start + RENDERED])
        texts.update((position, frame_text(event)) for position, event in events.items())
    return texts
