"""Time inside is integer milliseconds since the Unix epoch; on the wire it is `YYYY-MM-DDTHH:MM:SS.mmmZ` (spec: README 7)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], int]
"""Returns now in milliseconds. Services take one as a keyword argument, so that tests can hold time still."""

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:[.,](\d{0,9}))?(?:([Zz])|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def to_wire(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    moment = time.gmtime(seconds)
    return (
        f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}"
        f"T{moment.tm_hour:02}:{moment.tm_min:02}:{moment.tm_sec:02}.{rest:03}Z"
    )


def parse_instant(text: str) -> int:
    """Microseconds since the epoch. Any offset, 0 to 9 fraction digits, UTC without an offset; ValueError if malformed,
    or outside the years 1 to 9999 in UTC: it could not be shown again."""
    if match := _DATE.fullmatch(text):
        moment = datetime(*(int(part) for part in match.groups()), tzinfo=UTC)  # type: ignore[arg-type,misc]
        return (moment - _EPOCH) // timedelta(microseconds=1)
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError("not an ISO 8601 timestamp")
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    fraction = int((match[7] or "").ljust(6, "0")[:6])
    moment = datetime(year, month, day, hour, minute, 59 if second == 60 else second, fraction, UTC)
    if match[9]:
        offset = timedelta(hours=int(match[10]), minutes=int(match[11]))
        if offset >= timedelta(days=1):
            raise ValueError("not an ISO 8601 timestamp")
        try:
            moment -= offset if match[9] == "+" else -offset
        except OverflowError as error:
            raise ValueError("not an ISO 8601 timestamp") from error
    return (moment - _EPOCH) // timedelta(microseconds=1)
