"""A subscriber that is cut off while mail comes in, and comes back: it sees every event once, in order (examples/stream.py)."""

from __future__ import annotations

import contextlib
import os
import queue
import random
import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from local import Stack
from mailroom.config import Config
from tests.support.polling import eventually
from tests.support.stacks import Strict

ROOT = Path(__file__).parents[2]
MAILS = 200
SENDERS = 4
KEY = "am_" + "Stream0000" * 4 + "Stream00"


class Subscriber:
    """The example as a program of its own; what it prints is kept."""

    def __init__(self, stack: Stack) -> None:
        self.lines: list[list[str]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-u", str(ROOT / "examples" / "stream.py"), stack.http, stack.ws],
            env=os.environ | {"AGENTMAIL_API_KEY": KEY},
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def subjects(self) -> list[str]:
        return [line[3] for line in self.lines]

    def positions(self) -> list[int]:
        return [int(line[0]) for line in self.lines]

    def stop(self) -> None:
        self._process.kill()
        self._reader.join()
        self._process.communicate()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.split())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Starts the server on the same data; what still runs at the end is stopped."""
    with contextlib.ExitStack() as running:

        def started(**options: Any) -> Stack:
            return running.enter_context(Stack(tmp_path, api_key=KEY, config=Config(rate_per_second=0), **options))

        yield started


@pytest.fixture
def subscribe() -> Iterator[Callable[[Stack], Subscriber]]:
    with contextlib.ExitStack() as running:

        def subscribed(stack: Stack) -> Subscriber:
            subscriber = Subscriber(stack)
            running.callback(subscriber.stop)
            return subscriber

        yield subscribed


def burst(smtp: tuple[str, int], inbox: str) -> tuple[set[str], list[threading.Thread]]:
    """Mails from several senders at once, each sent again until it is taken."""
    names = [f"mail-{number}" for number in range(MAILS)]
    left: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        left.put(name)

    def send() -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                deliver(smtp, inbox, left.get_nowait())

    threads = [threading.Thread(target=send, daemon=True) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    return set(names), threads


def deliver(smtp: tuple[str, int], inbox: str, name: str) -> None:
    mail = f"From: a@example.com\r\nTo: {inbox}\r\nMessage-ID: <{name}@burst.example>\r\nSubject: {name}\r\n\r\nHello\r\n"
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
        loop.call_soon_threadsafe(connection.wire.abort)


def assert_each_once(subscriber: Subscriber, names: set[str]) -> None:
    eventually(lambda: len(set(subscriber.subjects())) == len(names), seconds=120)
    assert sorted(subscriber.subjects()) == sorted(names)
    assert subscriber.positions() == sorted(set(subscriber.positions()))


def test_a_client_that_is_cut_off_again_and_again_sees_each_event_once(start: Any, subscribe: Any) -> None:
    stack = start()
    subscriber = subscribe(stack)
    names, senders = burst(stack.smtp, new_inbox(stack))
    chance = random.Random(3)

    while any(sender.is_alive() for sender in senders):
        time.sleep(chance.uniform(0.01, 0.15))
        cut(stack)

    assert_each_once(subscriber, names)


def test_a_server_that_goes_down_during_a_burst_and_comes_back_loses_nothing(start: Any, subscribe: Any) -> None:
    first = start()
    ports = {"http_port": int(first.http.rsplit(":", 1)[1]), "smtp_port": first.smtp[1]}
    subscriber = subscribe(first)
    names, senders = burst(first.smtp, new_inbox(first))
    eventually(lambda: len(subscriber.lines) >= MAILS // 4, seconds=60)

    first.stop()
    time.sleep(0.3)
    start(**ports)
    for sender in senders:
        sender.join()

    assert_each_once(subscriber, names)
