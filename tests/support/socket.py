"""A WebSocket client that takes no frame which the contract does not promise."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support import contract

PATIENCE_S = 20


class Socket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, frame: Any) -> None:
        self.connection.send(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def subscribe(self, **fields: Any) -> dict[str, Any]:
        """The answer."""
        self.send({"type": "subscribe", **fields})
        return self.next()

    def next(self, *, seconds: float = PATIENCE_S) -> dict[str, Any]:
        frame: dict[str, Any] = json.loads(self.connection.recv(timeout=seconds))
        assert list(contract.frame_problems(frame)) == []
        return frame

    def silent(self, seconds: float = 0.4) -> bool:
        try:
            self.next(seconds=seconds)
        except TimeoutError:
            return True
        return False

    def closed(self) -> int:
        """The code the server closes with; what still comes before is passed over."""
        while True:
            try:
                self.connection.recv(timeout=PATIENCE_S)
            except ConnectionClosed as closed:
                assert closed.rcvd is not None
                return closed.rcvd.code


@contextlib.contextmanager
def socket(ws: str, key: str | None = None, *, path: str = "/v0", header: str | None = None, **query: str) -> Iterator[Socket]:
    """`key` goes into the header, unless `header` says what stands there."""
    value = header if header is not None else f"Bearer {key}" if key is not None else None
    address = ws + path + (f"?{urlencode(query)}" if query else "")
    headers = {} if value is None else {"Authorization": value}
    with connect(address, additional_headers=headers, compression=None, proxy=None) as connection:
        yield Socket(connection)


def refusal(ws: str, key: str | None = None, **options: Any) -> tuple[int, dict[str, Any]]:
    """Status and body of an upgrade that is not let through."""
    with pytest.raises(InvalidStatus) as raised, socket(ws, key, **options):
        pass
    response = raised.value.response
    body = json.loads(bytes(response.body or b""))
    contract.check("GET", "/v0", response.status_code, body)
    return response.status_code, body
