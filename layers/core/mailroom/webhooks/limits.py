"""Limits that hold exactly under concurrency: a row counts, and the transaction that adds one more asks it."""

from __future__ import annotations

from mailroom.store.port import AllOf, AtMost, Lacks, Present, all_of, any_of


def below(attribute: str, limit: int) -> AllOf:
    """Condition on the row that counts, which must not be going away. `limit` is at least 1."""
    return all_of(Present(), Lacks("state"), any_of(Lacks(attribute), AtMost(attribute, limit - 1)))
