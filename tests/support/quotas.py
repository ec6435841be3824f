"""Desks with send limits, and what is counted there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mailroom.clock import parse_instant
from mailroom.config import Config
from mailroom.store import keys
from mailroom.store.port import Query
from tests.support.desk import Answer
from tests.support.draft_desk import DraftDesk

LIMITS = Config(daily_send_limit=10, monthly_send_limit=12)
NOON = "2025-06-16T12:00:00.000Z"
TODAY, THIS_MONTH = "2025-06-16", "2025-06"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
BODY = {"to": ["Bob <bob@example.com>"], "cc": "carl@example.com", "bcc": ["dora@example.com"], "subject": "s", "text": "x"}
RECIPIENTS = 3


@contextmanager
def desks() -> Iterator[Callable[..., DraftDesk]]:
    """Opens desks with a configuration and a time, and closes them all."""
    opened: list[DraftDesk] = []

    def desk(config: Config = LIMITS, at: str = NOON) -> DraftDesk:
        opened.append(DraftDesk(config=config))
        opened[-1].clock.now = parse_instant(at) // 1000
        return opened[-1]

    yield desk
    for each in opened:
        each.database.close()


def counted(desk: DraftDesk) -> dict[str, int]:
    """By day and month; nothing where no row is."""
    return {row["sk"]: row["sent"] for row in desk.items.query(Query("eph", keys.sends_counted(desk.o, "-").pk, 100))}


def to(*names: str) -> dict[str, Any]:
    return {"to": [f"{name}@example.com" for name in names], "text": "x"}


def send_all(desk: DraftDesk, inbox: str, recipients: int) -> None:
    answer = desk.send(inbox, to(*(f"r{number}" for number in range(recipients))))
    assert answer.status == 200, answer.body


def assert_exceeded(answer: Answer, name: str, seconds: int) -> None:
    assert (answer.status, answer.body["code"], answer.body["name"]) == (429, "rate_limit_exceeded", "RateLimitError")
    assert answer.body["message"] == f"{name} send limit exceeded"
    assert answer.headers["Retry-After"] == str(seconds)
