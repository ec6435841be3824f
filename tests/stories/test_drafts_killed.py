"""The whole program killed in the middle of a burst of due drafts, then started again on the same data after it has slept through
the times of others: every recipient gets exactly one mail.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import Stack
from local.capture import Capture
from mailroom.clock import now_ms, to_wire
from mailroom.config import Config
from mailroom.store import keys
from mailroom.store.due import SHARDS
from mailroom.store.port import Query
from tests.support.pages import everything
from tests.support.polling import eventually
from tests.support.program import Program
from tests.support.rest import at_rest

INBOX = "agent@mailroom.local"
ROUNDS = 2
STEPS, BURST = 50, 15
SOON, HOUR = 1000, 3_600_000


class Watch:
    """A clock that a test sets forward."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def __call__(self) -> int:
        return now_ms() + self.ahead


@dataclass(frozen=True)
class History:
    stack: Stack
    http: httpx.Client
    asked: set[str]
    answered: set[str]
    """Recipients of drafts whose creation was answered."""
    sent: list[str]
    """Recipients of all mails that left."""


class Life:
    """Clients that schedule drafts: two of three for a moment later, one for later in the hour."""

    def __init__(self, ready: dict[str, Any], number: int) -> None:
        self.asked: set[str] = set()
        self.answered: set[str] = set()
        self._ready, self._number = ready, number
        self._threads = [threading.Thread(target=self._until_death, args=[worker]) for worker in range(3)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _until_death(self, worker: int) -> None:
        with contextlib.suppress(httpx.TransportError), client(self._ready["http"], self._ready["api_key"]) as http:
            for step in range(STEPS):
                to = f"r{self._number}-{worker}-{step}@example.com"
                send_at = to_wire(now_ms() + (SOON if step % 3 else HOUR * (step % 50 + 1) // 50))
                self.asked.add(to)
                body = {
                    "to": [to],
                    "subject": "On time",
                    "text": "As agreed",
                    "client_id": to.partition("@")[0],
                    "send_at": send_at,
                }
                http.post(f"/inboxes/{INBOX}/drafts", json=body).raise_for_status()
                self.answered.add(to)


def client(base: str, api_key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {api_key}"}
    return httpx.Client(base_url=base + "/v0", headers=headers, timeout=60, trust_env=False)


def captured(folder: Path) -> list[str]:
    return [to for each in Capture(folder / "captured").mails() for to in each.recipients]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    folder, asked, answered = tmp_path_factory.mktemp("data"), set[str](), set[str]()
    for number in range(ROUNDS):
        program = Program(MAILROOM_DATA=str(folder), MAILROOM_RATE_LIMIT="0", MAILROOM_LOG="error")
        try:
            ready = program.ready()
            if number == 0:
                with client(ready["http"], ready["api_key"]) as http:
                    http.post("/inboxes", json={"username": "agent"}).raise_for_status()
            before = len(list((folder / "captured").glob("*.eml")))
            life = Life(ready, number)
            eventually(lambda before=before: len(list((folder / "captured").glob("*.eml"))) > before + BURST)  # type: ignore[misc]
        finally:
            program.kill()
        life.join()
        asked |= life.asked
        answered |= life.answered
    watch = Watch(2 * HOUR)
    with Stack(folder, config=Config(rate_per_second=0), clock=watch) as stack, client(stack.http, stack.api_key) as http:
        # What was being sent when the program died is tried again a while after the start.
        watch.ahead += HOUR
        eventually(lambda: at_rest(stack), 60)
        yield History(stack, http, asked, answered, captured(folder))


def test_the_story_is_worth_telling(history: History) -> None:
    assert len(history.sent) > 2 * ROUNDS * BURST
    assert len(history.answered) > ROUNDS * BURST


def test_every_recipient_gets_one_mail(history: History) -> None:
    """Of a draft whose creation was never answered, one or none."""
    sent = Counter(history.sent)

    assert set(sent.values()) == {1}
    assert history.answered <= sent.keys() <= history.asked


def test_every_mail_is_a_message_with_one_event(history: History) -> None:
    messages = everything(history.http, f"/inboxes/{INBOX}/messages", "messages")
    events = everything(history.http, "/events", "events", event_types="message.sent")

    assert Counter(each["to"][0] for each in messages) == Counter(history.sent)
    assert Counter(each["send"]["message_id"] for each in events) == Counter(each["message_id"] for each in messages)


def test_no_draft_and_no_trace_of_one_is_left(history: History) -> None:
    stack, o = history.stack, history.http.get("/organizations").json()["organization_id"]
    partitions = [keys.due_drafts(shard) for shard in range(SHARDS)]
    partitions += [keys.index_partition(o, INBOX, "D", label) for label in (keys.ALL, "scheduled")]

    assert history.http.get("/drafts").json()["drafts"] == []
    assert [row for each in partitions for row in stack.items.query(Query("idx", each, 10))] == []
    assert stack.items.query(Query("core", keys.inbox_partition(o, INBOX), 10, low="D#", high="D#\uffff")) == []
