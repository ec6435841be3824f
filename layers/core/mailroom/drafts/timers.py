"""The timer of a scheduled draft, and the message with which it fires (design: flows.md, "Drafts with send_at").

It is set before the row is written that it belongs to, so that no crash leaves a scheduled draft without one. One that fires for
nothing, late, or twice does no harm: whether there is anything to send is decided by the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from mailroom.drafts.record import DraftRecord
from mailroom.ports import Timers

QUEUE = "drafts"


class Firing(NamedTuple):
    organization_id: str
    inbox_id: str
    draft_id: str
    timer: int
    set_at: int
    """When the timer was set, a moment before its draft was written."""

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Self:
        """Raises KeyError for a malformed message."""
        return cls(*(body[name] for name in cls._fields))


def arm(o: str, draft: DraftRecord, *, timers: Timers, now: int) -> None:
    """Nothing where the draft is not scheduled."""
    if draft.get("send_status") == "scheduled":
        firing = Firing(o, draft["inbox_id"], draft["draft_id"], draft["timer"], now)
        timers.set(QUEUE, name_of(draft), draft["due"], firing._asdict())


def disarm(draft: DraftRecord, *, timers: Timers) -> None:
    timers.cancel(QUEUE, name_of(draft), draft["due"])


def name_of(draft: DraftRecord) -> str:
    """With its time, because two attempts at one version may want different ones: the loser's must not stand in the winner's place.
    In hexadecimal, because names are short."""
    return f"d-{draft['draft_id']}-{draft['timer']:x}-{draft['due']:x}"
