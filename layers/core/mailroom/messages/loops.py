"""What keeps two programs from answering each other for ever (docs/loops.md; RFC 3834).

Answers to mail that was made without a human are refused unless they are forced. And whatever a mail is marked as, an inbox sends
only so many messages an hour into one thread: agents that answer each other by mail like humans' stop by themselves.
"""

from __future__ import annotations

from typing import Literal

from mailroom import log
from mailroom.clock import to_wire
from mailroom.errors import LoopDetected
from mailroom.threads import pace
from mailroom.threads.record import ThreadRecord

Mark = Literal["auto-submitted", "report", "bulk", "null-sender", "own"]
"""How a received message is known to be automatic: by its headers (`mail.automatic`), by the null reverse path of its envelope, or
because it is a message of this inbox that came back."""

_WHAT = {
    "auto-submitted": "an automatic answer",
    "report": "a report of a mail system",
    "bulk": "mail to many",
    "null-sender": "mail that takes no answer",
    "own": "a message of this inbox that came back",
}


def require_human(mark: str | None, *, forced: bool) -> None:
    """Raises LoopDetected for an answer to a message with this mark."""
    if mark is None or forced:
        return
    log.count("loops_refused", reason=mark)
    raise LoopDetected(
        f"The message is {_WHAT[mark]}: an answer may start a loop",
        fix="Send a new message to the people concerned, or repeat with force: true where a human wants this answer.",
    )


def require_pace(thread: ThreadRecord | None, *, now: int, limit: int) -> None:
    """Raises LoopDetected where the thread has had its messages of this hour. `limit` 0 switches the ceiling off."""
    window = thread.get("sent_window") if thread is not None else None
    if not limit or window is None or pace.recent(window, now) + 1 <= limit:
        return
    log.count("loops_refused", reason="pace")
    raise LoopDetected(
        f"This inbox has sent {limit} messages into this thread within an hour",
        fix=f"Wait until {to_wire(pace.free_at(window, now, limit))}, or start a new thread.",
    )
