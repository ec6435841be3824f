"""Queue `purge`: takes away what a deleted inbox or pod has left, in steps, queueing itself until nothing remains."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailroom.inboxes.purge import purge_inbox
from mailroom.pods.purge import purge_pod
from mailroom.runtime import Runtime, worker


@worker
def handler(event: Mapping[str, Any], runtime: Runtime) -> dict[str, list[dict[str, str]]]:
    for record in event["Records"]:
        request = json.loads(record["body"])
        wait = _purge(request, runtime)
        if wait is not None:
            runtime.queues.send("purge", request, delay_s=wait)
    return {"batchItemFailures": []}


def _purge(request: Mapping[str, str], runtime: Runtime) -> int | None:
    o = request["organization_id"]
    if "pod_id" in request:
        return purge_pod(o, request["pod_id"], items=runtime.items)
    return purge_inbox(o, request["inbox_id"], items=runtime.items, blobs=runtime.blobs, clock=runtime.clock)
