"""The change feed of core: index upkeep, label events, blobs of deleted messages, rest of deleted threads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.index.batch import follow_batch
from mailroom.runtime import current


def handler(event: Mapping[str, Any], context: Any = None) -> dict[str, Any]:
    return follow_batch(event, current())
