"""Whose mail is let in (spec: lists.md, "Receiving"): decided on From, by `reply` lists where it answers what the inbox sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mailroom.inboxes.record import InboxRecord
from mailroom.lists.evaluation import refusal
from mailroom.lists.levels import read_levels
from mailroom.lists.record import Direction
from mailroom.messages.threading import Surroundings
from mailroom.store.port import ItemStore

MAX_AUTHORS = 5
"""Looked up of the mailboxes in one From; almost every mail has one."""


def blocked(
    o: str, inbox: InboxRecord, authors: Sequence[str], seen: Surroundings, *, trusted: Callable[[], bool], items: ItemStore
) -> bool:
    """`authors`: bare addresses of From. One blocked author blocks the mail. Whether they can be `trusted` to have written it is
    only asked where an allow list lets it in. No trip where no list applies, else one."""
    direction: Direction = "reply" if _answers(seen) else "receive"
    authors = authors[:MAX_AUTHORS]
    levels = read_levels(o, inbox, direction, authors, seen.list_counts, items=items)

    def refused(trusting: bool) -> bool:
        return any(refusal(author, levels, trusted=trusting) for author in authors or ("",))

    return refused(False) and (refused(True) or not trusted())


def _answers(seen: Surroundings) -> bool:
    return any("sent" in parent["labels"] for parent in seen.parents.values())
