"""The change feed of core: index upkeep, label events, blobs of deleted messages, rest of deleted threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.index.batch import follow_batch
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    return follow_batch(event, runtime)
