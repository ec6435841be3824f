"""A subscriber that is cut off while mail comes in, and comes back: it sees every event once, in order (examples/stream.py)."""

from __future__ import annotations

import contextlib
import queue
import random
import smtplib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment

from examples import stream
from local import Stack
from mailroom.config import Config
from tests.support.polling import eventually
from tests.support.stacks import Strict

# The SDK imports names that newer releases of websockets call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning")

MAILS = 200
SENDERS = 4
KEY = "am_" + "Stream0000" * 4 + "Stream00"


class Subscriber:
    """`follow` in a thread; what it hands out is kept."""

    def __init__(self, http: str, ws: str) -> None:
        self.events: list[Any] = []
        environment = AgentMailEnvironment(http=http, websockets=ws)
        self._client = AgentMail(api_key=KEY, environment=environment)
        threading.Thread(target=self._run, daemon=True).start()

    def ids(self) -> list[str]:
        return [event.message.message_id for event in self.events]

    def positions(self) -> list[int]:
        return [event.position for event in self.events]

    def _run(self) -> None:
        for event in stream.follow(self._client, 0, event_types=["message.received"]):
            self.events.append(event)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(stream, "LONGEST_PAUSE_S", 0.4)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts the server on the same data; what still runs at the end is stopped."""
    running: list[Stack] = []

    def started(**options: Any) -> Stack:
        stack = Stack(tmp_path, api_key=KEY, config=Config(rate_per_second=0), **options)
        stack.start()
        running.append(stack)
        return stack

    yield started
    for stack in running:
        stack.stop()


def burst(smtp: tuple[str, int], inbox: str) -> tuple[set[str], list[threading.Thread]]:
    """Mails from several senders at once, each sent again until it is taken."""
    names = [f"<{number}@burst.example>" for number in range(MAILS)]
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        left.put(name)

    def send() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                deliver(smtp, inbox, left.get_nowait())

    threads = [threading.Thread(target=send) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    return set(names), threads


def deliver(smtp: tuple[str, int], inbox: str, message_id: str) -> None:
    mail = f"From: a@example.com\r\nTo: {inbox}\r\nMessage-ID: {message_id}\r\nSubject: Burst\r\n\r\nHello\r\n"
    while True:
        try:
            with smtplib.SMTP(*smtp, timeout=10) as connection:
                connection.sendmail("a@example.com", [inbox], mail)
                return
        except (OSError, smtplib.SMTPException):
            time.sleep(0.05)


def new_inbox(stack: Stack) -> str:
    strict = Strict(stack.http, KEY)
    inbox = str(strict.post("/inboxes", {"username": "burst"}).json()["inbox_id"])
    strict.close()
    return inbox


def cut(stack: Stack) -> None:
    """Drops all connections without a word, as a network does."""
    loop = stack.sockets._loop
    for connection in list(stack.sockets._connections.values()):
        assert loop is not None
        loop.call_soon_threadsafe(connection.abort)


def assert_each_once(subscriber: Subscriber, names: set[str]) -> None:
    eventually(lambda: len(set(subscriber.ids())) == len(names), seconds=120)
    assert sorted(subscriber.ids()) == sorted(names)
    assert subscriber.positions() == sorted(set(subscriber.positions()))


def test_a_client_that_is_cut_off_again_and_again_sees_each_event_once(start: Callable[..., Stack]) -> None:
    stack = start()
    subscriber = Subscriber(stack.http, stack.ws)
    names, senders = burst(stack.smtp, new_inbox(stack))
    chance = random.Random(3)

    while any(sender.is_alive() for sender in senders):
        time.sleep(chance.uniform(0.01, 0.15))
        cut(stack)

    assert_each_once(subscriber, names)


def test_a_server_that_goes_down_during_a_burst_and_comes_back_loses_nothing(start: Callable[..., Stack]) -> None:
    first = start()
    ports = {"http_port": int(first.http.rsplit(":", 1)[1]), "smtp_port": first.smtp[1]}
    subscriber = Subscriber(first.http, first.ws)
    names, senders = burst(first.smtp, new_inbox(first))
    eventually(lambda: len(subscriber.events) >= MAILS // 4, seconds=60)

    first.stop()
    time.sleep(0.3)
    start(**ports)
    for sender in senders:
        sender.join()

    assert_each_once(subscriber, names)
