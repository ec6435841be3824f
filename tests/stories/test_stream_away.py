"""A client that is cut off for half a minute while mail comes in, and resumes."""

from __future__ import annotations

import contextlib
import smtplib
import socket as network
import threading
import time
from collections.abc import Iterator

import pytest

from local import Stack
from mailroom.config import Config
from tests.stories.test_stream import KEY, new_inbox
from tests.support.socket import socket

MAILS, BEFORE, AFTER = 500, 30, 40
AWAY_S = 30.0
PAUSE_S = AWAY_S / (MAILS - BEFORE - AFTER)
"""Between two mails, so that they come before the client is cut off, all the time it is away, and while it catches up."""


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack(api_key=KEY, config=Config(rate_per_second=0)) as running:
        yield running


@contextlib.contextmanager
def burst(stack: Stack, inbox: str) -> Iterator[set[str]]:
    """Mails from one sender; their subjects."""
    names = [f"mail-{number}" for number in range(MAILS)]

    def send() -> None:
        with smtplib.SMTP(*stack.smtp) as connection:
            for name in names:
                head = f"From: a@example.com\r\nTo: {inbox}\r\nMessage-ID: <{name}@burst.example>\r\nSubject: {name}"
                connection.sendmail("a@example.com", [inbox], f"{head}\r\n\r\nHello\r\n")
                time.sleep(PAUSE_S)

    sender = threading.Thread(target=send)
    sender.start()
    yield set(names)
    sender.join()


@pytest.mark.waiting
def test_a_client_cut_off_for_30_s_of_a_burst_resumes_with_each_event_once(stack: Stack) -> None:
    with burst(stack, new_inbox(stack)) as names:
        with socket(stack.ws, KEY) as first:
            first.subscribe(after=0)
            frames = [first.next() for _ in range(BEFORE)]
            # As when a network goes: nobody says goodbye, and what was on its way is lost.
            first.connection.socket.shutdown(network.SHUT_RDWR)
        time.sleep(AWAY_S)
        with socket(stack.ws, KEY) as again:
            again.subscribe(after=frames[-1]["position"])
            frames += [again.next() for _ in range(MAILS - BEFORE)]
            nothing_more = again.silent()

    positions = [frame["position"] for frame in frames]
    assert nothing_more
    assert sorted(frame["message"]["subject"] for frame in frames) == sorted(names)
    assert positions == sorted(set(positions))
