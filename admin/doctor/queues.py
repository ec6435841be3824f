"""Whether work is done: what waits too long, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence

from admin.doctor.findings import Finding, fail, ok, warn
from admin.site import QueueState

LATE_S = 15 * 60
LOST_S = 6 * 3600
PATIENT = frozenset({"deliveries", "drafts", "domains"})
"""Queues whose messages wait for their time, in some cases for hours."""


def backlog(states: Sequence[QueueState]) -> Finding:
    late = [each for each in states if each.queue not in PATIENT and (each.oldest_s or 0) > LATE_S]
    told = ", ".join(f"{each.queue} ({each.waiting}, the oldest for {(each.oldest_s or 0) // 60} minutes)" for each in late)
    advice = "Look for errors of the queue's worker in the log; on one machine, see that it is running."
    if any((each.oldest_s or 0) > LOST_S for each in late):
        return fail(f"Work is not done: {told}.", advice)
    if late:
        return warn(f"Work waits: {told}.", advice)
    return ok(f"{sum(each.waiting for each in states)} messages wait, none of them for long.")


def dead_letters(states: Sequence[QueueState]) -> Finding:
    found = [each for each in states if each.dead]
    if not found:
        return ok("Nothing was given up.")
    told = ", ".join(f"{each.dead} in {each.queue}" for each in found)
    names = [each.queue for each in found if each.redrivable]
    advice = (
        f"Correct the cause (the log has it), then `mailroom dead-letters redrive {names[0]}`."
        if names
        else "See docs/operations.md."
    )
    return fail(f"Messages were given up: {told}.", advice)


def timers(states: Sequence[QueueState]) -> Finding:
    """On one machine, where timers lie in the queues."""
    count = sum(each.later for each in states if each.queue in PATIENT)
    return ok(f"{count} timers and retries wait for their time.")
