"""New pages on the stream of the event table: webhooks and sockets hear of their events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.events.batches import publish_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    return publish_batch(event, runtime)
