"""Calls of DynamoDB with bounded retries; its failures become the port's.

botocore itself does not retry (`CLIENT_CONFIG`): a write must know whether an earlier attempt may have been applied.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from mailroom.aws.attribute_values import from_attributes
from mailroom.store.port import ConditionFailed, Item, ItemTooLarge, StoreBusy, StoreError, TransactionCancelled

T = TypeVar("T")
Sleep = Callable[[float], None]

CLIENT_CONFIG = Config(
    connect_timeout=1,
    read_timeout=4,
    retries={"mode": "standard", "total_max_attempts": 1},
    # `ItemStore.fetch` reads in parallel.
    max_pool_connections=32,
    tcp_keepalive=True,
)
ATTEMPTS = 5
FIRST_PAUSE_S = 0.03
LONGEST_PAUSE_S = 0.5

_REFUSED = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "ThrottlingException",
        "TransactionConflictException",
    }
)
"""Turned away before anything was written."""
_UNCERTAIN = frozenset({"InternalServerError", "RequestTimeout", "ServiceUnavailable", "TransactionInProgressException"})
_REFUSED_IN_TRANSACTION = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError", "TransactionConflict"})


class Applied(Exception):
    """A condition failed after an attempt whose answer was lost: this call itself may have changed the item.

    Stays in the adapter.
    """

    def __init__(self, item: Item | None) -> None:
        self.item = item
        super().__init__("condition failed after a lost answer")


def call(request: Callable[[], T], *, sleep: Sleep = time.sleep) -> T:
    """Raises ConditionFailed, TransactionCancelled, ItemTooLarge, StoreBusy after the last attempt, ValueError for a request
    DynamoDB finds invalid, StoreError for anything else, and Applied."""
    uncertain = False
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(pause(attempt))
        try:
            return request()
        except (ClientError, BotoConnectionError, HTTPClientError) as error:
            if not _transient(error):
                raise _translated(error, uncertain) from error
            uncertain = uncertain or _maybe_applied(error)
            last: Exception = error
        except BotoCoreError as error:
            raise StoreError(str(error)) from error
    raise StoreBusy(str(last)) from last


def pause(attempt: int) -> float:
    """Seconds before the attempt: exponential, with full jitter, so that those in conflict part."""
    return random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**attempt))


def _transient(error: Exception) -> bool:
    if not isinstance(error, ClientError):
        return True
    if _code(error) == "TransactionCanceledException":
        codes = {reason.get("Code") for reason in _reasons(error)}
        return "ConditionalCheckFailed" not in codes and bool(codes & _REFUSED_IN_TRANSACTION)
    return _code(error) in _REFUSED | _UNCERTAIN or _status(error) >= 500


def _maybe_applied(error: Exception) -> bool:
    return not isinstance(error, ClientError) or _code(error) not in _REFUSED | {"TransactionCanceledException"}


def _translated(error: Exception, uncertain: bool) -> Exception:
    if not isinstance(error, ClientError):
        return StoreError(str(error))
    response: dict[str, Any] = dict(error.response)
    code, message = _code(error), str(response.get("Error", {}).get("Message", ""))
    if code == "ConditionalCheckFailedException":
        item = _image(response)
        retried = int(response.get("ResponseMetadata", {}).get("RetryAttempts") or 0) > 0
        return Applied(item) if uncertain or retried else ConditionFailed(item)
    if code == "TransactionCanceledException":
        return _cancelled(_reasons(error))
    if code == "ValidationException":
        return _invalid(message)
    return StoreError(f"{code}: {message}")


def _cancelled(reasons: list[dict[str, Any]]) -> Exception:
    failures = {at: _image(reason) for at, reason in enumerate(reasons) if reason.get("Code") == "ConditionalCheckFailed"}
    if failures:
        return TransactionCancelled(failures)
    messages = [str(reason.get("Message", "")) for reason in reasons if reason.get("Code") == "ValidationError"]
    if messages:
        return _invalid(messages[0])
    return StoreError(f"transaction cancelled: {[reason.get('Code') for reason in reasons]}")


def _invalid(message: str) -> Exception:
    lowered = message.lower()
    too_large = "size" in lowered and ("exceed" in lowered or "larger than" in lowered)
    return ItemTooLarge(message) if too_large and "key" not in lowered else ValueError(message)


def _reasons(error: ClientError) -> list[dict[str, Any]]:
    response: dict[str, Any] = dict(error.response)
    return response.get("CancellationReasons") or []


def _image(holder: dict[str, Any]) -> Item | None:
    attributes = holder.get("Item")
    return from_attributes(attributes) if attributes else None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
