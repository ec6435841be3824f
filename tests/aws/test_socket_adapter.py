"""Sending over API Gateway's WebSocket connections: what is repeated, and what ends a connection instead."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from mailroom.aws import clients
from mailroom.aws.sockets import ATTEMPTS, ApiGatewaySockets
from mailroom.ports import SocketBusy, SocketGone
from tests.support.faults import refused


class ManagementApi:
    """Takes frames, unless a failure waits in `failures` for the connection."""

    def __init__(self) -> None:
        self.sent: dict[str, list[bytes]] = defaultdict(list)
        self.deleted: list[str] = []
        self.failures: dict[str, list[Exception]] = defaultdict(list)
        self.calls = 0
        self._gate = threading.Lock()

    def post_to_connection(self, *, ConnectionId: str, Data: bytes) -> None:
        with self._gate:
            self.calls += 1
            if self.failures[ConnectionId]:
                raise self.failures[ConnectionId].pop(0)
            self.sent[ConnectionId].append(Data)

    def delete_connection(self, *, ConnectionId: str) -> None:
        if self.failures[ConnectionId]:
            raise self.failures[ConnectionId].pop(0)
        self.deleted.append(ConnectionId)


@pytest.fixture
def api() -> ManagementApi:
    return ManagementApi()


@pytest.fixture
def sockets(api: ManagementApi) -> ApiGatewaySockets:
    return ApiGatewaySockets(client=lambda: api, sleep=lambda _: None)


def gone() -> Exception:
    return refused("GoneException", status=410)


def throttled() -> Exception:
    return refused("LimitExceededException", status=429)


def test_a_frame_is_sent_as_utf_8(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    sockets.post("c", "é")

    assert api.sent["c"] == ["é".encode()]


def test_a_client_that_left_is_gone(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    api.failures["c"] = [gone()]

    with pytest.raises(SocketGone):
        sockets.post("c", "x")
    assert (api.calls, api.deleted) == (1, [])


def test_a_throttled_frame_is_sent_again(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    api.failures["c"] = [throttled(), throttled()]

    sockets.post("c", "x")

    assert api.sent["c"] == [b"x"]


def test_a_client_that_takes_nothing_is_busy_after_some_tries(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    api.failures["c"] = [throttled() for _ in range(ATTEMPTS)]

    with pytest.raises(SocketBusy):
        sockets.post("c", "x")


@pytest.mark.parametrize("failure", [ReadTimeoutError(endpoint_url="http://aws"), refused("InternalServerError", status=500)])
def test_a_frame_that_may_have_arrived_is_not_sent_again(api: ManagementApi, sockets: ApiGatewaySockets, failure: Any) -> None:
    api.failures["c"] = [failure]

    with pytest.raises(SocketGone):
        sockets.post("c", "x")
    assert (api.calls, api.deleted) == (1, ["c"])


def test_many_connections_get_their_frames_in_order_and_lose_none_to_others(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    frames = {f"c{number}": [f"{number}-{each}" for each in range(3)] for number in range(100)}
    api.failures["c3"] = [gone()]
    api.failures["c7"] = [throttled() for _ in range(ATTEMPTS)]

    lost = sockets.post_all(frames)

    assert sorted(lost) == ["c3", "c7"]
    assert api.sent["c3"] == api.sent["c7"] == []
    assert all(api.sent[each] == [text.encode() for text in texts] for each, texts in frames.items() if each not in lost)


def test_closing_what_is_gone_is_no_error(api: ManagementApi, sockets: ApiGatewaySockets) -> None:
    api.failures["c"] = [gone()]

    sockets.close("c", 1001, "late")
    sockets.close("d", 1001, "late")

    assert api.deleted == ["d"]


def test_the_client_calls_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    clients.sockets.cache_clear()

    client = clients.sockets("https://abc.execute-api.eu-west-1.amazonaws.com/v0")

    assert client.meta.endpoint_url == "https://abc.execute-api.eu-west-1.amazonaws.com/v0"
    assert {"PostToConnection", "DeleteConnection"} <= set(client.meta.service_model.operation_names)
