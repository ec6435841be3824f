"""Batches of the change feed as Lambda hands them over, with partial failures reported (ReportBatchItemFailures)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom.aws.stream_records import change_of
from mailroom.index.follow import follow
from mailroom.log import logger
from mailroom.runtime import Runtime
from mailroom.store.port import ChangeRecord


def follow_batch(event: Mapping[str, Any], runtime: Runtime) -> dict[str, Any]:
    """All at once; where that fails, one by one, so that only what comes from the failing change on is delivered again."""
    changes = [change_of(record, "core") for record in event["Records"]]
    try:
        _follow(changes, runtime)
    except Exception:  # noqa: BLE001 - whatever it was, the changes are tried singly and the failing one is named
        logger.exception("changes failed together")
        return {"batchItemFailures": _singly(changes, runtime)}
    return {"batchItemFailures": []}


def _singly(changes: list[ChangeRecord], runtime: Runtime) -> list[dict[str, str]]:
    for change in changes:
        try:
            _follow([change], runtime)
        except Exception:  # noqa: BLE001 - the queue's retries and dead letters take over
            logger.exception("change failed", sequence=change.sequence)
            return [{"itemIdentifier": change.sequence}]
    return []


def _follow(changes: list[ChangeRecord], runtime: Runtime) -> None:
    follow(
        changes,
        items=runtime.items,
        blobs=runtime.blobs,
        timers=runtime.timers,
        clock=runtime.clock,
        shards=runtime.config.index_shards,
    )
