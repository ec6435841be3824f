"""Lists of what belongs to an organization and perhaps to a pod: idx rows by creation, found by pod through their index."""

from __future__ import annotations

from mailroom.http.tokens import Paging
from mailroom.store.port import Query


def listed(of_organization: str, of_pod: str | None, paging: Paging) -> Query:
    """The next page, and one row more. `of_pod`: the value of the rows' `by_pod` attribute, where only a pod's are wanted."""
    start = None if paging.position is None else (of_organization, str(paging.position[0]))
    size, descending = paging.limit + 1, not paging.ascending
    if of_pod is None:
        return Query("idx", of_organization, size, descending=descending, start=start)
    return Query("idx", of_pod, size, descending=descending, index="by_pod", start=start)
