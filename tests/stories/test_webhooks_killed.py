"""Webhooks while the program is killed and while one of their receivers is dead."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import Stack
from mailroom.clock import now_ms
from mailroom.config import Config
from mailroom.webhooks import attempt_post
from mailroom.webhooks.attempt import LEASE_MS
from tests.support.polling import eventually
from tests.support.program import Program
from tests.support.receiver import receiving
from tests.support.servers import Answer, says, serving

INBOX = "agent@mailroom.local"
ROUNDS = 2
CONFIG = Config(rate_per_second=0, webhook_allow_private=True)


@contextlib.contextmanager
def client(base: str, api_key: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {api_key}"}
    with httpx.Client(base_url=base + "/v0", headers=headers, timeout=60, trust_env=False) as http:
        yield http


def webhook(http: httpx.Client, url: str) -> dict[str, Any]:
    answer = http.post("/webhooks", json={"url": url, "event_types": ["message.received"]})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def letter(name: str) -> bytes:
    return f"From: ann@example.com\r\nTo: {INBOX}\r\nSubject: {name}\r\nMessage-ID: <{name}@example.com>\r\n\r\nHi\r\n".encode()


class Postman:
    """Brings mail until the program dies."""

    def __init__(self, smtp: str, life: int) -> None:
        self.accepted: set[str] = set()
        self._address, self._life = smtp.split(":"), life
        self._threads = [threading.Thread(target=self._bring, args=[worker]) for worker in range(3)]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _bring(self, worker: int) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException), smtplib.SMTP(self._address[0], int(self._address[1])) as smtp:
            for number in range(10_000):
                name = f"m{self._life}-{worker}-{number}"
                smtp.sendmail("ann@example.com", [INBOX], letter(name))
                self.accepted.add(name)


def test_a_program_that_is_killed_delivers_every_event_in_the_end(tmp_path: Path) -> None:
    accepted: set[str] = set()
    secret = None
    with receiving() as receiver:
        for life in range(ROUNDS):
            settings = {"MAILROOM_WEBHOOK_ALLOW_PRIVATE": "1", "MAILROOM_RATE_LIMIT": "0", "MAILROOM_LOG": "error"}
            program = Program(MAILROOM_DATA=str(tmp_path), **settings)
            try:
                ready = program.ready()
                if secret is None:
                    with client(ready["http"], ready["api_key"]) as http:
                        http.post("/inboxes", json={"username": "agent"}).raise_for_status()
                        secret = receiver.secret = webhook(http, receiver.url)["secret"]
                postman = Postman(ready["smtp"], life)
                before = len(receiver.event_ids())
                eventually(lambda before=before: len(receiver.event_ids()) > before + 20)  # type: ignore[misc]
            finally:
                program.kill()
            postman.join()
            accepted |= postman.accepted
        # The leases of what was being posted have run out.
        with Stack(tmp_path, config=CONFIG, clock=lambda: now_ms() + LEASE_MS):
            eventually(lambda: accepted <= {each.event["message"]["subject"] for each in list(receiver.received)})

        repeated = [each for each, count in Counter(receiver.event_ids()).items() if count > 1]
        assert receiver.refused == []
        assert len(repeated) <= ROUNDS * 32, "only what was in work when the program died may come twice"


def drips(connection: socket.socket, request: bytes) -> None:
    with contextlib.suppress(OSError):
        while True:
            connection.sendall(b"x")
            time.sleep(0.2)


BAD: dict[str, Answer] = {
    "drips": drips,
    "fails": says(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n"),
    "redirects": says(b"HTTP/1.1 302 X\r\nLocation: http://169.254.169.254/latest\r\nContent-Length: 0\r\n\r\n"),
    "hangs up": says(b""),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
def test_a_receiver_that_misbehaves_does_not_hold_up_another(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough to hold up others, if anything did.
    monkeypatch.setattr(attempt_post, "TIMEOUT_S", 3.0)
    with serving(answer) as port, receiving() as good, Stack(config=CONFIG) as stack:
        with client(stack.http, stack.api_key) as http:
            http.post("/inboxes", json={"username": "agent"}).raise_for_status()
            bad = webhook(http, f"http://127.0.0.1:{port}/")["webhook_id"]
            good.secret = webhook(http, good.url)["secret"]
            with smtplib.SMTP(*stack.smtp) as smtp:
                for number in range(60):
                    smtp.sendmail("ann@example.com", [INBOX], letter(f"m{number}"))

            eventually(lambda: len(good.event_ids()) == 60)
            left = http.get(f"/webhooks/{bad}/deliveries", params={"limit": 100, "status": "pending"}).json()

        assert len(set(good.event_ids())) == 60
        assert good.refused == []
        assert left["count"] == 60


def test_a_dead_receiver_does_not_hold_up_another() -> None:
    release = threading.Event()
    with receiving(hanging=release) as dead, receiving() as alive, Stack(config=CONFIG) as stack:
        with client(stack.http, stack.api_key) as http:
            http.post("/inboxes", json={"username": "agent"}).raise_for_status()
            webhook(http, dead.url)
            alive.secret = webhook(http, alive.url)["secret"]
        with smtplib.SMTP(*stack.smtp) as smtp:
            for number in range(60):
                smtp.sendmail("ann@example.com", [INBOX], letter(f"m{number}"))

        eventually(lambda: len(alive.event_ids()) == 60)

        assert len(set(alive.event_ids())) == 60
        assert alive.refused == []
        assert len(dead.event_ids()) < 32, "a share of the workers, each kept for 15 s"
        release.set()
