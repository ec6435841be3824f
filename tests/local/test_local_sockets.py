"""The sockets of one machine: slow readers, dead ones, and the end of the server."""

from __future__ import annotations

import contextlib
import json
import logging
import socket as network
from collections.abc import Iterator

import pytest

from local import Stack, sockets
from local.store.database import reading
from mailroom.config import Config
from mailroom.ports import SocketBusy, SocketGone
from tests.support.polling import eventually
from tests.support.socket import socket


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack(config=Config(rate_per_second=0)) as running:
        yield running


def only_connection(stack: Stack) -> str:
    return eventually(lambda: next(iter(stack.sockets._connections), ""))


def deaf(stack: Stack) -> network.socket:
    """A client that connects and never reads again."""
    host, port = stack.ws.removeprefix("ws://").split(":")
    opened = network.create_connection((host, int(port)))
    opened.setsockopt(network.SOL_SOCKET, network.SO_RCVBUF, 4096)
    head = f"GET /v0?api_key={stack.api_key} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    opened.sendall(f"{head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode())
    assert opened.recv(12) == b"HTTP/1.1 101"
    return opened


def fill(stack: Stack, connection_id: str) -> None:
    """Sends until nothing more is taken."""
    with contextlib.suppress(SocketBusy):
        while True:
            stack.sockets.post(connection_id, "x" * 100_000)


def test_a_server_that_stops_says_that_it_goes_away(stack: Stack) -> None:
    with socket(stack.ws, stack.api_key) as opened:
        opened.subscribe()
        stack.stop()

        assert opened.closed() == 1001


def test_a_client_that_does_not_read_is_busy_and_its_memory_is_bounded(stack: Stack) -> None:
    with deaf(stack):
        connection_id = only_connection(stack)

        fill(stack, connection_id)

        assert stack.sockets._connections[connection_id].size < sockets.MAX_WAITING + 200_000


def test_a_client_that_does_not_read_is_cut_off_after_its_close(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "CLOSING_S", 0.2)
    with deaf(stack):
        connection_id = only_connection(stack)
        fill(stack, connection_id)

        stack.sockets.close(connection_id, 1011, "slow")

        eventually(lambda: len(stack.sockets) == 0)


def test_a_slow_client_holds_no_other_up(stack: Stack) -> None:
    with deaf(stack):
        slow = only_connection(stack)
        with socket(stack.ws, stack.api_key) as quick:
            quick.subscribe()
            (other,) = set(stack.sockets._connections) - {slow}
            text = json.dumps({"type": "subscribed"})
            stack.sockets.post_all({slow: ["x" * 100_000] * 30, other: [text] * 30})

            assert [quick.next() for _ in range(30)] == [{"type": "subscribed"}] * 30


def test_nothing_can_be_sent_to_a_connection_that_is_closed(stack: Stack) -> None:
    with socket(stack.ws, stack.api_key) as opened:
        connection_id = only_connection(stack)
        stack.sockets.close(connection_id, 1001, "done")

        with pytest.raises(SocketGone):
            stack.sockets.post(connection_id, "{}")
        assert opened.closed() == 1001
        assert stack.sockets.post_all({connection_id: ["{}"]}) == [connection_id]


def test_a_connection_that_ends_leaves_no_rows(stack: Stack) -> None:
    with socket(stack.ws, stack.api_key) as opened:
        opened.subscribe()

    def rows() -> int:
        with reading(stack.database) as connection:
            return int(connection.execute("SELECT count(*) FROM eph WHERE pk LIKE 'C#%' OR pk LIKE '%#W#O'").fetchone()[0])

    eventually(lambda: rows() == 0)


@pytest.mark.parametrize("header", [True, False])
def test_no_log_has_the_credential_or_the_frames_of_a_socket(stack: Stack, caplog: pytest.LogCaptureFixture, header: bool) -> None:
    caplog.set_level(logging.DEBUG)
    credential = {"key": stack.api_key} if header else {"api_key": stack.api_key}

    with socket(stack.ws, **credential) as opened:
        opened.subscribe(inbox_ids=["somebody@mailroom.local"])

    told = [each.getMessage() for each in caplog.records if each.name != "websockets.client"]
    assert not [each for each in told if stack.api_key in each or "somebody" in each]
