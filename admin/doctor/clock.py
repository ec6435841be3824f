"""Whether this machine's clock can be believed: timers, signatures and the order of lists hang on it."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path

from admin.doctor.findings import Finding, fail, ok, warn
from mailroom.clock import Clock

SOME_S = 5
MUCH_S = 240
"""AWS refuses requests that are five minutes off."""

ADVICE = "Let NTP set the clock."


def against_header(date: str, *, clock: Clock) -> Finding:
    """`date`: the HTTP header of an answer that just came. It has whole seconds."""
    return _judged(clock() / 1000 - parsedate_to_datetime(date).timestamp())


def against_files(paths: Sequence[Path], *, clock: Clock) -> Finding:
    """On one machine nobody else is asked; but what it has written was not written in the future."""
    newest = max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
    behind = newest - clock() / 1000
    return _judged(-behind) if behind > SOME_S else ok("The clock is not behind what was written last.")


def _judged(seconds: float) -> Finding:
    text = f"The clock is {abs(seconds):.0f} s {'fast' if seconds > 0 else 'slow'}."
    if abs(seconds) > MUCH_S:
        return fail(text, ADVICE)
    return warn(text, ADVICE) if abs(seconds) > SOME_S else ok("The clock is right.")
