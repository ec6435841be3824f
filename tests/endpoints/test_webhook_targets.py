"""Targets that mean harm or do not work, end to end: what is noted of the attempt, and that nobody else suffers."""

from __future__ import annotations

import contextlib
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mailroom.config import Config
from mailroom.web.post import UrlPoster
from mailroom.webhooks import attempt_post
from tests.support.desk import mail
from tests.support.moto_stack import MotoStack
from tests.support.polling import eventually
from tests.support.receiver import LocalReceiver, receiving
from tests.support.servers import Answer, serving
from tests.support.stacks import Mailbox, SqliteStack

CONFIG = Config(rate_per_second=0, webhook_allow_private=True, webhook_schedule=(600,))
PUBLIC = "93.184.216.34"
MEGABYTE = b"x" * 1024 * 1024


@pytest.fixture(scope="module", params=["sqlite", "moto"])
def stack(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    backend = SqliteStack(CONFIG) if request.param == "sqlite" else MotoStack(CONFIG)
    with backend as running, contextlib.closing(Mailbox(running)) as mailbox:
        yield mailbox


@pytest.fixture
def healthy(stack: Mailbox, inbox: str) -> Iterator[LocalReceiver]:
    """Another webhook of the same inbox."""
    with receiving() as receiver:
        webhook(stack, inbox, receiver.url)
        yield receiver


@pytest.fixture
def target(stack: Mailbox, inbox: str) -> Iterator[Callable[[Answer], str]]:
    """Starts a server that answers so; the id of a webhook that leads there."""
    with contextlib.ExitStack() as servers:
        yield lambda answer: webhook(stack, inbox, f"http://127.0.0.1:{servers.enter_context(serving(answer))}/")


def webhook(stack: Mailbox, inbox: str, url: str) -> str:
    made = stack.http.post("/webhooks", {"url": url, "inbox_ids": [inbox], "event_types": ["message.received"]})
    return str(made.json()["webhook_id"])


def arrive(stack: Mailbox, inbox: str) -> None:
    stack.deliver(mail(message_id=f"<{uuid.uuid4().hex}@example.com>", to=inbox), inbox)


def attempted(stack: Mailbox, webhook_id: str) -> dict[str, Any]:
    """The delivery of one mail, with its one attempt."""

    def found() -> dict[str, Any] | None:
        listed = stack.http.get(f"/webhooks/{webhook_id}/deliveries").json()["deliveries"]
        return next((each for each in listed if each["attempts"]), None)

    delivery = eventually(found)
    assert delivery is not None
    assert len(delivery["attempts"]) == 1
    return delivery


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"])
def test_who_hangs_or_drips_has_failed_after_its_time(
    stack: Mailbox, inbox: str, healthy: LocalReceiver, target: Any, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(attempt_post, "TIMEOUT_S", 0.5)
    done = threading.Event()

    def drip(connection: socket.socket, request: bytes) -> None:
        connection.sendall(start)
        while not done.wait(0.1):
            connection.sendall(start and b"x")

    bad = target(drip)
    arrive(stack, inbox)

    delivery = attempted(stack, bad)
    done.set()
    assert (delivery["status"], delivery["attempts"][0]["error"]) == ("pending", "The URL took too long to answer")
    assert len(eventually(healthy.event_ids)) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_inward_is_not_followed(stack: Mailbox, inbox: str, healthy: LocalReceiver, target: Any, status: int) -> None:
    with receiving() as inside:
        location = f"HTTP/1.1 {status} X\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
        bad = target(lambda connection, request: connection.sendall(location))
        arrive(stack, inbox)

        delivery = attempted(stack, bad)
        assert (delivery["status"], delivery["attempts"][0]["status"]) == ("pending", status)
        assert len(eventually(healthy.event_ids)) == 1
        assert inside.event_ids() == []


def test_of_ten_megabytes_the_beginning_is_kept(stack: Mailbox, inbox: str, healthy: LocalReceiver, target: Any) -> None:
    def flood(connection: socket.socket, request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10485760\r\n\r\n")
        for _ in range(10):
            connection.sendall(MEGABYTE)

    bad = target(flood)
    arrive(stack, inbox)

    delivery = attempted(stack, bad)
    assert (delivery["status"], delivery["attempts"][0]["answer"]) == ("delivered", "x" * 500)
    assert len(eventually(healthy.event_ids)) == 1


@pytest.mark.parametrize(
    "addresses",
    [["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["169.254.169.254"], ["::1"], ["::ffff:10.0.0.1"], ["64:ff9b::a9fe:a9fe"], ["0.0.0.0"]],
    ids=" ".join,
)
def test_a_name_that_leads_inside_is_never_dialled(
    stack: Mailbox, inbox: str, monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    dialled: list[str] = []
    monkeypatch.setattr(stack.runtime, "poster", UrlPoster(resolve=lambda host, port: addresses, dial=noting(dialled)))
    bad = webhook(stack, inbox, "https://hook.example/")
    arrive(stack, inbox)

    delivery = attempted(stack, bad)
    assert (delivery["status"], "public address" in delivery["attempts"][0]["error"]) == ("pending", True)
    assert dialled == []


def test_a_name_that_changes_between_check_and_connect_leads_where_it_was_checked(
    stack: Mailbox, inbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled: list[str] = []
    answers = iter([[PUBLIC]])
    monkeypatch.setattr(
        stack.runtime, "poster", UrlPoster(resolve=lambda host, port: next(answers, ["127.0.0.1"]), dial=noting(dialled))
    )
    bad = webhook(stack, inbox, "https://rebind.example/")
    arrive(stack, inbox)

    assert attempted(stack, bad)["status"] == "pending"
    assert dialled == [PUBLIC]


def noting(dialled: list[str]) -> Any:
    """Reaches nobody."""

    def dial(address: str, port: int, timeout: float) -> socket.socket:
        dialled.append(address)
        raise ConnectionRefusedError

    return dial
