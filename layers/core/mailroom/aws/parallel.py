"""Requests at the same time, on one small pool of threads that is made when first needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

THREADS = 16


def together(parts: Sequence[Callable[[], object]]) -> None:
    """Runs all parts, the first on this thread, and returns when all have ended. Raises the first error in their order.

    A part must not use the pool itself unless it is the first, which is the only one that cannot wait for a free thread in vain.
    """
    if not parts:
        return
    others = [_pool().submit(part) for part in parts[1:]] if len(parts) > 1 else []
    errors: list[BaseException | None] = []
    try:
        parts[0]()
    finally:
        errors = [future.exception() for future in others]
    for error in errors:
        if error is not None:
            raise error


@cache
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(THREADS, thread_name_prefix="dynamodb")
