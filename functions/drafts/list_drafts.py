"""GET /v0/drafts, GET /v0/pods/{pod_id}/drafts, GET /v0/inboxes/{inbox_id}/drafts"""

from __future__ import annotations

from typing import Any

from mailroom.drafts.listing import list_drafts, query, reads
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of


@endpoint(permission="draft_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    runtime = request.runtime
    route, shards = route_of(request.path), runtime.config.index_shards
    return list_drafts(request.caller, route, request.query, items=request.items, now=runtime.clock(), shards=shards)
