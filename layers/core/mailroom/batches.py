"""A queue's batch, record by record: one that fails comes again and takes no other along."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mailroom import log

Failures = dict[str, list[dict[str, str]]]
"""What Lambda's event source mapping takes for an answer (`ReportBatchItemFailures`)."""


def each_message(event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None], *, failure: str) -> Failures:
    """Hands each body to `work`. Names the records that must come again; one that fails each time ends in the dead-letter queue.
    `failure` is what the log says of it."""
    failed = []
    for record in event["Records"]:
        try:
            work(json.loads(record["body"]))
        except Exception:  # noqa: BLE001 - one record must not take the others along
            log.logger.exception(failure, queue_message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
