"""GET /v0/threads/{thread_id}, GET /v0/inboxes/{inbox_id}/threads/{thread_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.threads.service import get_thread, query, reads


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    path, runtime = request.path, request.runtime
    return get_thread(
        request.caller,
        path.get("inbox_id"),
        path["thread_id"],
        request.query,
        items=request.items,
        blobs=runtime.blobs,
        now=runtime.clock(),
    )
