"""Positions in an organization's event log: numbers that grow, with gaps that mean nothing (docs/decisions/0009). 0 is before the
first event. They stay below 2**53, so JSON numbers hold them everywhere."""

from __future__ import annotations

PER_PAGE = 50
"""Events on a page: with the page and the tail they are one transaction."""

_PLACES = 64


def position(page: int, index: int) -> int:
    return page * _PLACES + index


def page_of(position: int) -> int:
    return position // _PLACES


def index_of(position: int) -> int:
    return position % _PLACES
