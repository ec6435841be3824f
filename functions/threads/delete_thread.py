"""DELETE /v0/threads/{thread_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.threads.access import conversation_reads
from mailroom.threads.delete import delete_thread, query, trash_thread


@endpoint(permission="message_delete", query=query, reads=conversation_reads)
def handler(request: Request) -> None:
    path, runtime = request.path, request.runtime
    remove = delete_thread if request.query else trash_thread
    remove(
        request.caller,
        route_of(path),
        path["thread_id"],
        items=request.items,
        clock=runtime.clock,
        shards=runtime.config.index_shards,
    )
