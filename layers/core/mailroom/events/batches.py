"""Batches of the event table's stream as Lambda hands them over, with partial failures reported (ReportBatchItemFailures).

What comes was let through by the filters in template.yaml: new events without a position, and new pages of logs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from mailroom.aws.stream_records import change_of
from mailroom.events.log import Page
from mailroom.events.publish import Publisher
from mailroom.events.sequence import sequence
from mailroom.log import logger
from mailroom.runtime import Runtime
from mailroom.store.port import ChangeRecord, Item

Failures = dict[str, list[dict[str, str]]]


def sequence_batch(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    """All at once; where that fails, one by one, so that only what comes from the failing event on is delivered again."""
    changes = _changes(event)
    try:
        _sequence(changes, runtime)
    except Exception:  # noqa: BLE001 - whatever it was, the events are tried singly and the failing one is named
        logger.exception("events failed together")
        return _each(changes, lambda change: _sequence([change], runtime))
    return {"batchItemFailures": []}


def publish_batch(event: Mapping[str, Any], runtime: Runtime) -> Failures:
    """Page by page, because those of an organization must leave in order: from a failing one on all are delivered again."""
    changes = [change for change in _changes(event) if change.new is not None]
    pages = {change.sequence: Page.of(cast(Item, change.new)) for change in changes}
    publisher = Publisher((page.organization_id for page in pages.values()), runtime)
    failures = _each(changes, lambda change: publisher.publish(pages[change.sequence]))
    publisher.note()
    return failures


def _changes(event: Mapping[str, Any]) -> list[ChangeRecord]:
    return [change_of(record, "ev") for record in event["Records"]]


def _sequence(changes: Sequence[ChangeRecord], runtime: Runtime) -> None:
    rows = [change.new for change in changes if change.new is not None]
    sequence(rows, items=runtime.items, clock=runtime.clock)


def _each(changes: Sequence[ChangeRecord], work: Callable[[ChangeRecord], None]) -> Failures:
    """Up to the first that fails."""
    for change in changes:
        try:
            work(change)
        except Exception:  # noqa: BLE001 - the stream's retries and dead letters take over
            logger.exception("change failed", sequence=change.sequence)
            return {"batchItemFailures": [{"itemIdentifier": change.sequence}]}
    return {"batchItemFailures": []}
