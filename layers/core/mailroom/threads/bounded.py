"""Lists of a thread that grow with its messages and must fit an item: ordered by first appearance, each value once, cut at a number
and at a size. Adding messages one by one in any order gives what adding all of them in order gives.

A place is `timestamp * 1000 + position within the message`. Once a list was cut, everything from the cut's place on stays out: what
was left out first is no longer known.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

MAX_VALUES = 500
MAX_BYTES = 64 * 1024

_POSITIONS = 1000


class Bounded(NamedTuple, Generic[T]):
    values: list[T]
    places: list[int]
    cut: int | None = None


def places(ts: int, values: Iterable[T]) -> list[tuple[int, T]]:
    return [(ts * _POSITIONS + min(position, _POSITIONS - 1), value) for position, value in enumerate(values)]


def extended(
    known: Bounded[T],
    added: Iterable[tuple[int, T]],
    *,
    identity: Callable[[T], str],
    size: Callable[[T], int],
) -> Bounded[T]:
    """`identity` tells values apart and orders those at one place; `size` is in bytes as stored."""
    first: dict[Hashable, tuple[int, str, T]] = {}
    for place, value in (*zip(known.places, known.values, strict=True), *added):
        name = identity(value)
        if known.cut is not None and place >= known.cut:
            continue
        if name not in first or place < first[name][0]:
            first[name] = (place, name, value)
    in_order = sorted(first.values(), key=lambda entry: entry[:2])
    cut = _overflow(in_order, size)
    if cut is None:
        return Bounded([value for _, _, value in in_order], [place for place, _, _ in in_order], known.cut)
    kept = [entry for entry in in_order if entry[0] < cut]
    return Bounded([value for _, _, value in kept], [place for place, _, _ in kept], cut)


def _overflow(in_order: list[tuple[int, str, T]], size: Callable[[T], int]) -> int | None:
    """The place of the first value that no longer fits."""
    room = MAX_BYTES
    for number, (place, _, value) in enumerate(in_order):
        room -= size(value)
        if number >= MAX_VALUES or room < 0:
            return place
    return None
