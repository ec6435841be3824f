"""The change feed of core, credentials only: what was opened with one that is gone or changed is closed."""

from __future__ import annotations

from typing import Any

from mailroom.aws.stream_records import change_of
from mailroom.runtime import Event, Runtime, worker
from mailroom.sockets.upkeep import close_revoked


@worker
def handler(event: Event, runtime: Runtime) -> dict[str, list[Any]]:
    changes = [change_of(record, "core") for record in event["Records"]]
    close_revoked(changes, items=runtime.items, sockets=runtime.sockets)
    return {"batchItemFailures": []}
