"""GET /inboxes/search: inboxes by the beginnings of their words (spec: inboxes.md, "Search"; decision 16).

The entries of the longest word are read, a window of each rank at a time; the inboxes they lead to are read and believed alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from mailroom.callers import Caller
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.inboxes.model import inbox
from mailroom.inboxes.record import InboxRecord
from mailroom.inboxes.words import MAX_LENGTH, RANKS, folded, indexed, word_sort, words
from mailroom.pods.access import require_pod
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Query, Reads

if TYPE_CHECKING:
    from mailroom.http.endpoint import Request

MIN_QUERY, MAX_QUERY = 2, 256
"""Characters."""
WINDOW = 500
"""Entries of a rank that are put in order together, newest inbox first."""
BATCH, BATCHES = 100, 3
"""Inboxes looked at for one page, besides as many as it shows: the page may then be short, and go on."""


class Place(NamedTuple):
    """How far an answer got. Sort keys of entries; empty where there is none."""

    rank: int = 0
    start: str = ""
    """The window begins behind this entry."""
    end: str = ""
    """The window's last entry, where more of the rank follow."""
    seen: str = ""
    """`keys.word_place` of the last inbox looked at in the window."""


class Candidate(NamedTuple):
    sort: str
    place: Place


class InboxSearch(NamedTuple):
    terms: tuple[str, ...]
    """Folded, never none."""
    paging: Paging

    @property
    def lead(self) -> str:
        """The term whose entries are read: the longest is the rarest, as far as one can tell without asking."""
        return max(self.terms, key=len)[:MAX_LENGTH]

    @property
    def address(self) -> str | None:
        """The address that would be an exact match."""
        return self.terms[0] if len(self.terms) == 1 and "@" in self.terms[0] else None

    @property
    def place(self) -> Place:
        return Place(*(self.paging.position or ()))


def read_search(request: Request, params: Params) -> InboxSearch:
    """The query `q`, `limit`, `page_token`."""
    text = params.text("q") or ""
    terms = tuple(folded(text).split())
    if not MIN_QUERY <= len(text) <= MAX_QUERY:
        params.reject("q", f"Must have {MIN_QUERY} to {MAX_QUERY} characters")
    elif not terms:
        params.reject("q", "Must have a word")
    return InboxSearch(terms, request.paging(params, terms))


def search_reads(o: str, pod_id: str | None, asked: InboxSearch) -> Reads:
    """What `search_inboxes` asks for, as far as the route tells the scope."""
    pod = () if pod_id is None else (keys.pod(o, pod_id),)
    exact = () if asked.address is None or asked.paging.position is not None else (keys.inbox(o, asked.address),)
    return Reads((*pod, *exact), _windows(o, pod_id, asked))


def search_inboxes(caller: Caller, asked: InboxSearch, *, items: ItemStore, pod_id: str | None = None) -> dict[str, Any]:
    """`SearchInboxesResponse`: of the pod or, without one, of the caller's own scope. Raises NotFound (pod)."""
    o, paging = caller.organization_id, asked.paging
    if pod_id is not None:
        require_pod(caller, pod_id, items=items)
    if caller.inbox_id is not None:
        row = items.get(keys.inbox(o, caller.inbox_id))
        own = [row] if row and (row["inbox_id"] == asked.address or _found(asked, cast(InboxRecord, row))) else []
        return paging.finish("inboxes", [inbox(cast(InboxRecord, row)) for row in own if "state" not in row], None)
    pod_id = pod_id or caller.pod_id
    wanted = search_reads(o, None, asked).keys
    windows = _windows(o, pod_id, asked)
    fetched = items.fetch(Reads(wanted, windows))
    shown = [row for row in fetched.items.values() if "state" not in row and pod_id in (None, row["pod_id"])]
    candidates, rest = _candidates(asked.place, windows, fetched.pages)
    position = _fill(shown, o, asked, candidates, rest, items=items)
    return paging.finish("inboxes", [inbox(cast(InboxRecord, row)) for row in shown], None if position is None else [*position])


def _windows(o: str, pod_id: str | None, asked: InboxSearch) -> tuple[Query, ...]:
    """One query per rank that is not done."""
    entries = keys.inbox_words(o)
    partition = entries if pod_id is None else keys.inbox_words_of_pod(o, pod_id)
    place, queries = asked.place, []
    for rank in RANKS[asked.place.rank :]:
        low, high = keys.word_range(rank, asked.lead)
        at = place if rank == place.rank else Place()
        queries.append(
            Query(
                "idx",
                partition,
                # A window that was begun keeps its bounds, and has room for entries that came since.
                2 * WINDOW if at.end else WINDOW,
                low=low,
                high=at.end or high,
                index=None if pod_id is None else "by_pod",
                start=(entries, at.start) if at.start else None,
            )
        )
    return tuple(queries)


def _candidates(
    place: Place, windows: tuple[Query, ...], pages: Mapping[Query, list[Item]]
) -> tuple[list[Candidate], Place | None]:
    """In the order of the answer, and where to go on behind them."""
    found: list[Candidate] = []
    for rank, window in enumerate(windows, place.rank):
        at = place if rank == place.rank else Place(rank)
        sorts = [str(row["sk"]) for row in pages[window]]
        end = sorts[-1] if len(sorts) == window.limit else at.end
        # Of several entries of an inbox the first one counts, here as in `_leads`.
        first = {keys.word_place(sort): sort for sort in reversed(sorts)}
        unseen = sorted((spot for spot in first if not at.seen or spot < at.seen), reverse=True)
        found += [Candidate(first[spot], Place(rank, at.start, end, spot)) for spot in unseen]
        if end:
            return found, Place(rank, start=end)
    return found, None


def _fill(
    shown: list[Item], o: str, asked: InboxSearch, candidates: list[Candidate], rest: Place | None, *, items: ItemStore
) -> Place | None:
    """Adds what the page has room for; where the next one goes on, None if nothing is left."""
    at, limit = asked.place, asked.paging.limit
    todo = iter(candidates)
    for batch in _batches(todo, limit + 1):
        wanted = {one: keys.inbox(o, keys.index_identity(one.sort)) for one in batch}
        rows = items.batch_get(list(dict.fromkeys(wanted.values())))
        for one, key in wanted.items():
            row = rows.get(key)
            if row and "state" not in row and _leads(asked, cast(InboxRecord, row), one.sort):
                if len(shown) == limit:
                    return at
                shown.append(row)
            at = one.place
    return rest if next(todo, None) is None else at


def _batches(todo: Iterator[Candidate], first: int) -> Iterator[tuple[Candidate, ...]]:
    if batch := tuple(islice(todo, first)):
        yield batch
    for _ in range(BATCHES):
        if batch := tuple(islice(todo, BATCH)):
            yield batch


def _leads(asked: InboxSearch, record: InboxRecord, sort: str) -> bool:
    """Whether this entry is the one by which the inbox is shown: the first of those that match, so that it is shown once."""
    if record["inbox_id"] == asked.address:
        return False
    matching = (word_sort(record, word) for word in indexed(record) if word.text.startswith(asked.lead))
    return min(matching, default="") == sort and _found(asked, record)


def _found(asked: InboxSearch, record: InboxRecord) -> bool:
    its = [word for of_rank in words(record) for word in of_rank]
    return all(any(word.startswith(term) for word in its) for term in asked.terms)
