"""Two programs that answer each other never stop by themselves. Answers to automatic mail are therefore refused, and what an inbox
sends in one thread has a ceiling (docs/loops.md). Neither costs a read: parent and thread are at hand where this is asked.
"""

from __future__ import annotations

from mailroom import log
from mailroom.clock import to_wire
from mailroom.errors import LoopDetected
from mailroom.messages.record import Automatic
from mailroom.threads import window
from mailroom.threads.record import ThreadRecord

METRIC = "loops_refused"

_WHY: dict[Automatic, str] = {
    "marked": "The message was sent by a program (an automatic reply, a report, bulk mail), so a reply could start a loop",
    "null-sender": "The message has no return path (a delivery report, an automatic notice), so a reply could start a loop",
    "own": "The message is this inbox's own mail come back, so a reply could start a loop",
}
_FIX = "Send a new message to the people concerned, or repeat the request with force: true if a human wants this reply."


def require_no_loop(automatic: Automatic | None, thread: ThreadRecord | None, *, forced: bool, now: int, limit: int) -> None:
    """`automatic`: the mark of what is answered; forwarding is no answer. Raises LoopDetected for an answer to an automatic mail
    that nobody insists on, and for any message beyond `limit` an hour (0: no limit) in its thread, also a forced one.

    The limit is kept by what is stored: sends of one thread that run at once may exceed it by as many as they are.
    """
    if automatic is not None and not forced:
        log.count(METRIC, reason=automatic)
        raise LoopDetected(_WHY[automatic], fix=_FIX)
    if limit <= 0 or thread is None:
        return
    if (free := window.full_until(thread.get("sent_window", ()), limit, now)) is not None:
        log.count(METRIC, reason="ceiling")
        raise LoopDetected(
            f"This inbox has sent its {limit} messages an hour in this thread, as in a loop",
            fix=f"The thread is free again at {to_wire(free)}; force does not change that. Check who or what is answering there.",
        )
