"""A DynamoDB client in trouble: from a given call on, it refuses, fails, or loses its answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Literal

from botocore.exceptions import ClientError, ReadTimeoutError

Trouble = Literal["throttled", "failing", "lost", "conflict"]
LOST = ReadTimeoutError(endpoint_url="http://aws")
TROUBLES: tuple[Trouble, ...] = ("throttled", "failing", "lost", "conflict")


def refused(code: str, *, status: int = 400, **more: Any) -> ClientError:
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "Operation")


class TroubledClient:
    """Passes calls on to `client`. Of a transaction that comes again under its token nothing is done again, which moto leaves
    out."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._gate = threading.Lock()
        self._tokens: set[str] = set()
        self._trouble: Trouble = "throttled"
        self._first, self._last, self.calls = 0, 0, 0

    def arm(self, trouble: Trouble, first: int, *, times: int) -> None:
        """The calls `first`, counted from 1, and those behind it meet the trouble."""
        self._trouble, self._first, self._last, self.calls = trouble, first, first + times - 1, 0

    def disarm(self) -> bool:
        """Whether any call has met the trouble."""
        met = 0 < self._first <= self.calls
        self._first = self._last = 0
        return met

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**arguments: Any) -> Any:
            with self._gate:
                self.calls += 1
                if not self._first <= self.calls <= self._last:
                    return self._apply(operation, arguments)
                if self._trouble == "lost":
                    self._apply(operation, arguments)
                    raise LOST
                raise self._refusal(operation)

        return call

    def _apply(self, operation: str, arguments: dict[str, Any]) -> Any:
        token = arguments.get("ClientRequestToken")
        if token in self._tokens:
            return {}
        answer = getattr(self._client, operation)(**arguments)
        if token is not None:
            self._tokens.add(token)
        return answer

    def _refusal(self, operation: str) -> ClientError:
        if self._trouble == "throttled":
            return refused("ProvisionedThroughputExceededException")
        if self._trouble == "failing":
            return refused("InternalServerError", status=500)
        if operation == "transact_write_items":
            return refused("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}])
        return refused("TransactionConflictException")
