"""Queue `purge`: empties a deleted inbox in steps, queueing itself until nothing remains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailroom.inboxes.purge import purge_inbox
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, list[dict[str, str]]]:
    for record in event["Records"]:
        request = json.loads(record["body"])
        o, inbox_id = request["organization_id"], request["inbox_id"]
        wait = purge_inbox(o, inbox_id, items=runtime.items, blobs=runtime.blobs, clock=runtime.clock)
        if wait is not None:
            runtime.queues.send("purge", request, delay_s=wait)
    return {"batchItemFailures": []}
