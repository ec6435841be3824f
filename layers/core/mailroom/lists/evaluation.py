"""Whether lists refuse an address, decided over what was found in them (spec: lists.md, "Evaluation")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mailroom.keys.scopes import Scope
from mailroom.lists.entries import matching
from mailroom.lists.record import ListEntryRecord, ListType


class Level(NamedTuple):
    """One scope's two lists of a direction."""

    scope: Scope
    allows: bool
    """Its allow list is not empty."""
    entries: Mapping[tuple[ListType, str], ListEntryRecord]
    """All that could match the addresses in question; others may be missing."""


class Refusal(NamedTuple):
    scope: Scope
    """Where the entry stands, or the allow list that governs."""
    entry: ListEntryRecord | None = None
    """What blocks; None where it is that no allow list has the address."""


def refusal(address: str, levels: Sequence[Level], *, trusted: bool = True) -> Refusal | None:
    """None where the address is let through. `levels` go from narrow to wide. An address that is not `trusted` may be anybody's who
    claims it: no entry allows it. An empty one matches nothing."""
    names = matching(address)
    for level in levels:
        entry = _entry(level, "block", names)
        if entry is not None and entry.get("read_only"):
            return Refusal(level.scope, entry)
    for level in levels:
        if entry := _entry(level, "block", names):
            return Refusal(level.scope, entry)
        if trusted and _entry(level, "allow", names):
            return None
    return next((Refusal(level.scope) for level in levels if level.allows), None)


def _entry(level: Level, list_type: ListType, names: Sequence[str]) -> ListEntryRecord | None:
    """The most specific one."""
    return next((level.entries[list_type, name] for name in names if (list_type, name) in level.entries), None)
