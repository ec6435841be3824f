"""The server's side of API Gateway's WebSocket connections. The gateway closes connections with a code of its own choice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from mailroom import log
from mailroom.aws.parallel import THREADS, together
from mailroom.aws.retries import pause
from mailroom.ports import SocketBusy, SocketGone

ATTEMPTS = 4

_REFUSED = frozenset({"LimitExceededException", "ThrottlingException", "TooManyRequestsException"})
"""Turned away: the client reads too slowly, or the gateway has too much to do."""


class ApiGatewaySockets:
    """Implements `ports.Sockets`. `client` is called on first use."""

    def __init__(self, *, client: Callable[[], Any], sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def post(self, connection_id: str, text: str) -> None:
        data = text.encode()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(pause(attempt))
            try:
                self._client().post_to_connection(ConnectionId=connection_id, Data=data)
                return
            except ClientError as error:
                if _code(error) not in _REFUSED:
                    self._give_up(connection_id, error)
            except BotoCoreError as error:
                self._give_up(connection_id, error)
        raise SocketBusy

    def post_all(self, frames: Mapping[str, Sequence[str]]) -> list[str]:
        left = iter(frames.items())
        lost: list[str] = []
        together([partial(self._work, left, lost) for _ in range(min(THREADS, len(frames)))])
        return lost

    def close(self, connection_id: str, code: int, reason: str) -> None:
        try:
            self._client().delete_connection(ConnectionId=connection_id)
        except (ClientError, BotoCoreError) as error:
            if not _gone(error):
                log.logger.warning("connection not closed", code=_code(error), wanted=code)

    def _work(self, left: Any, lost: list[str]) -> None:
        """Taking the next of a shared iterator over a dict is atomic."""
        for connection_id, texts in left:
            try:
                for text in texts:
                    self.post(connection_id, text)
            except (SocketGone, SocketBusy):
                lost.append(connection_id)

    def _give_up(self, connection_id: str, error: Exception) -> None:
        """Raises SocketGone. A frame whose answer was lost may have arrived; repeating it could double it: the connection ends."""
        if not _gone(error):
            log.logger.warning("frame not taken", code=_code(error))
            self.close(connection_id, 1011, "")
        raise SocketGone from error


def _gone(error: Exception) -> bool:
    return _code(error) == "GoneException"


def _code(error: Exception) -> str:
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else type(error).__name__
