"""The program killed again and again while mail comes in, with a webhook and a subscriber that resumes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.webhooks.attempt import LEASE_MS
from tests.stories.test_stream import KEY, MAILS, Subscriber, assert_each_once, burst, new_inbox
from tests.support.polling import eventually
from tests.support.program import Program
from tests.support.receiver import LocalReceiver, receiving
from tests.support.stacks import Strict

DEATHS = 2
SETTINGS = {
    "MAILROOM_API_KEY": KEY,
    "MAILROOM_WEBHOOK_ALLOW_PRIVATE": "1",
    "MAILROOM_RATE_LIMIT": "0",
    "MAILROOM_LOG": "error",
}
CONFIG = Config(rate_per_second=0, webhook_allow_private=True)


class Server:
    """Lives of the program on the same data and ports."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._program = Program(MAILROOM_DATA=str(data), **SETTINGS)
        ready = self._program.ready()
        self.http, self.ws = ready["http"], ready["ws"]
        self.http_port, self.smtp_port = (int(ready[name].rsplit(":", 1)[1]) for name in ("http", "smtp"))
        self.smtp = ("127.0.0.1", self.smtp_port)

    def die(self) -> None:
        self._program.kill()

    def live(self) -> None:
        ports = {"MAILROOM_PORT": str(self.http_port), "MAILROOM_SMTP_PORT": str(self.smtp_port)}
        self._program = Program(MAILROOM_DATA=str(self._data), **SETTINGS, **ports)
        self._program.ready()

    def outlive_leases(self) -> Stack:
        """The last life, in which nobody waits any more for what was being posted."""
        return Stack(
            self._data,
            api_key=KEY,
            config=CONFIG,
            clock=lambda: now_ms() + LEASE_MS,
            http_port=self.http_port,
            smtp_port=self.smtp_port,
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path)
    yield started
    started.die()


@pytest.fixture
def receiver(server: Server) -> Iterator[LocalReceiver]:
    with receiving() as running, contextlib.closing(Strict(server.http, KEY)) as http:
        running.secret = http.post("/webhooks", {"url": running.url, "event_types": ["message.received"]}).json()["secret"]
        yield running


@pytest.fixture
def subscriber(server: Server) -> Iterator[Subscriber]:
    started = Subscriber(server)  # type: ignore[arg-type]
    yield started
    started.stop()


def logged(http: str) -> list[dict[str, Any]]:
    with contextlib.closing(Strict(http, KEY)) as strict:
        page = strict.get("/events", params={"after": 0, "limit": 250}).json()
    assert "next_page_token" not in page
    return list(page["events"])


def test_a_program_killed_in_a_burst_tells_of_every_mail(server: Server, receiver: LocalReceiver, subscriber: Subscriber) -> None:
    names, senders = burst(server.smtp, new_inbox(server))  # type: ignore[arg-type]
    for death in range(DEATHS):
        if death:
            server.live()
        told = (death + 1) * MAILS // (DEATHS + 1)
        eventually(lambda told=told: len(subscriber.lines) >= told, seconds=60)  # type: ignore[misc]
        server.die()

    with server.outlive_leases() as last:
        for sender in senders:
            sender.join()
        assert_each_once(subscriber, names)
        eventually(lambda: len(set(receiver.event_ids())) == len(names), seconds=60)
        events = logged(last.http)

    posted = {(each.headers["svix-id"], each.event["message"]["subject"]) for each in receiver.received}
    assert sorted(event["message"]["subject"] for event in events) == sorted(names)
    assert posted == {(event["event_id"], event["message"]["subject"]) for event in events}
    assert receiver.refused == []
