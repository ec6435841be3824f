"""DELETE /v0/inboxes/{inbox_id}/messages/{message_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.delete import delete_message
from mailroom.messages.service import meta_reads


@endpoint(permission="message_delete", reads=meta_reads)
def handler(request: Request) -> None:
    path, runtime = request.path, request.runtime
    shards = runtime.config.index_shards
    delete_message(request.caller, path["inbox_id"], path["message_id"], items=request.items, clock=runtime.clock, shards=shards)
