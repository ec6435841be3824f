"""A queue's batch, record by record: one that fails comes again and takes no other along."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from mailroom import log

Failures = dict[str, list[dict[str, str]]]
"""What Lambda's event source mapping takes for an answer (`ReportBatchItemFailures`)."""


class PutOff(Exception):
    """Nothing is wrong, but it is too early for a record."""


def each_message(event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None], *, failure: str) -> Failures:
    """`each_record` for work that needs of a record only its body, as JSON."""
    return each_record(event, lambda record: work(json.loads(record["body"])), failure=failure)


def each_record(event: Mapping[str, Any], work: Callable[[Mapping[str, Any]], None], *, failure: str) -> Failures:
    """Hands each record to `work`. Names those that must come again; one that fails each time ends in the dead-letter queue.
    `failure` is what the log says of it, except for what is only put off."""
    failed = []
    for record in event["Records"]:
        try:
            work(record)
        except PutOff:
            log.logger.info("message put off", queue_message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
        except Exception:  # noqa: BLE001 - one record must not take the others along
            log.logger.exception(failure, queue_message_id=record["messageId"])
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}
