"""New events on the stream of the event table: each gets its position in its organization's log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.events.batches import sequence_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    return sequence_batch(event, runtime)
