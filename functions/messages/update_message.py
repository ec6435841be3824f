"""PATCH /v0/inboxes/{inbox_id}/messages/{message_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.inputs import LABEL_CHANGES
from mailroom.messages.service import meta_reads
from mailroom.messages.update import update_message


@endpoint(permission="message_update", body=LABEL_CHANGES, reads=meta_reads)
def handler(request: Request) -> dict[str, Any]:
    path, runtime = request.path, request.runtime
    return update_message(
        request.caller,
        path["inbox_id"],
        path["message_id"],
        request.body(),
        items=request.items,
        clock=runtime.clock,
        shards=runtime.config.index_shards,
    )
