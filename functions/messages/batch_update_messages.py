"""POST /v0/inboxes/{inbox_id}/messages/batch-update"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.inputs import BATCH_UPDATE
from mailroom.messages.service import inbox_reads
from mailroom.messages.update import batch_update


@endpoint(permission="message_update", body=BATCH_UPDATE, reads=inbox_reads)
def handler(request: Request) -> dict[str, Any]:
    body, runtime = request.body(), request.runtime
    return batch_update(
        request.caller,
        request.path["inbox_id"],
        body["message_ids"],
        body,
        items=request.items,
        clock=runtime.clock,
        shards=runtime.config.index_shards,
    )
