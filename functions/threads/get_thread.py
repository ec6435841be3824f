"""GET /v0/threads/{thread_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.threads.service import get_thread, query, reads


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    path, runtime = request.path, request.runtime
    return get_thread(
        request.caller,
        route_of(path),
        path["thread_id"],
        request.query,
        items=request.items,
        blobs=runtime.blobs,
        now=runtime.clock(),
    )
