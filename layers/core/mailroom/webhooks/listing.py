"""Pages of lists that are short enough to be read whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mailroom.http.tokens import Paging

R = TypeVar("R")


def page(paging: Paging, name: str, records: Sequence[R], shown: Callable[[R], dict[str, Any]]) -> dict[str, Any]:
    """Newest first. Ids sort by creation, so a `webhook_id` is a place in the list whether or not it is still there."""
    by_id: dict[str, R] = {record["webhook_id"]: record for record in records}  # type: ignore[index]
    last = None if paging.position is None else str(paging.position[0])
    ids = sorted(by_id, reverse=not paging.ascending)
    if last is not None:
        ids = [each for each in ids if (each > last if paging.ascending else each < last)]
    here = ids[: paging.limit]
    return paging.finish(name, [shown(by_id[each]) for each in here], [here[-1]] if len(ids) > len(here) else None)
