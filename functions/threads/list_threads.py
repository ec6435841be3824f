"""GET /v0/threads, GET /v0/pods/{pod_id}/threads, GET /v0/inboxes/{inbox_id}/threads"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.threads.listing import list_threads, query, reads


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    runtime = request.runtime
    route, shards = route_of(request.path), runtime.config.index_shards
    return list_threads(request.caller, route, request.query, items=request.items, now=runtime.clock(), shards=shards)
