"""GET /v0/threads, GET /v0/inboxes/{inbox_id}/threads"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.threads.listing import list_threads, query, reads


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    runtime = request.runtime
    inbox_id, shards = request.path.get("inbox_id"), runtime.config.index_shards
    return list_threads(request.caller, inbox_id, request.query, items=request.items, now=runtime.clock(), shards=shards)
