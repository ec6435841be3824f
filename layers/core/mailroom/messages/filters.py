"""The query of a list of messages, threads or drafts (spec: their files, "List"; labels.md, "Default visibility")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailroom.callers import RESTRICTED_LABELS, Caller
from mailroom.http.endpoint import Request
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.messages.labels import RESTRICTED, normalize

MAX_PAGE = 500
MAX_FILTERED_PAGE = 100


class ListQuery(NamedTuple):
    paging: Paging
    labels: tuple[str, ...]
    after: int | None
    """Exclusive, in microseconds; so is `before`."""
    before: int | None
    included: frozenset[str]
    """Restricted labels that were asked for."""
    texts: tuple[tuple[str, tuple[str, ...]], ...]
    """Name of a substring filter -> what must occur, casefolded."""

    @property
    def classes(self) -> tuple[int, ...]:
        return (0, 1) if self.included else (0,)

    def readable(self, caller: Caller) -> frozenset[str]:
        """Restricted labels that do not keep an item off the list."""
        return self.included - caller.unreadable_labels()

    @property
    def position(self) -> str | None:
        return None if self.paging.position is None else str(self.paging.position[0])


def read_list_query(request: Request, params: Params, text_filters: Iterable[str]) -> ListQuery:
    labels = _labels(params)
    after, before = params.instant("after"), params.instant("before")
    included = frozenset(label for label in RESTRICTED_LABELS if params.boolean(f"include_{label}"))
    texts = tuple((name, values) for name in text_filters if (values := tuple(value.casefold() for value in params.strings(name))))
    maximum = MAX_FILTERED_PAGE if texts else MAX_PAGE
    paging = request.paging(params, labels, after, before, sorted(included), texts, maximum=maximum)
    return ListQuery(paging, labels, after, before, included, texts)


def read_plain_list_query(request: Request, params: Params) -> ListQuery:
    """Of a list without restricted labels and text filters: the drafts."""
    labels = _labels(params)
    after, before = params.instant("after"), params.instant("before")
    return ListQuery(request.paging(params, labels, after, before), labels, after, before, frozenset(), ())


def occurs(needles: Iterable[str], values: Iterable[str]) -> bool:
    """Every needle in some value, whatever the case."""
    folded = [value.casefold() for value in values]
    return all(any(needle in value for value in folded) for needle in needles)


def shown(labels: Iterable[str], readable: frozenset[str]) -> bool:
    return (RESTRICTED & frozenset(labels)) <= readable


def _labels(params: Params) -> tuple[str, ...]:
    found = set()
    for label in params.strings("labels"):
        try:
            found.add(normalize(label))
        except ValueError as error:
            params.reject("labels", str(error))
    return tuple(sorted(found))
