"""PATCH /v0/threads/{thread_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.messages.inputs import LABEL_CHANGES
from mailroom.threads.access import conversation_reads
from mailroom.threads.update import update_thread


@endpoint(permission="message_update", body=LABEL_CHANGES, reads=conversation_reads)
def handler(request: Request) -> dict[str, Any]:
    path, runtime = request.path, request.runtime
    return update_thread(
        request.caller,
        route_of(path),
        path["thread_id"],
        request.body(),
        items=request.items,
        clock=runtime.clock,
        shards=runtime.config.index_shards,
    )
