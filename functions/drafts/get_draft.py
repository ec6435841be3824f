"""GET /v0/drafts/{draft_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.drafts.access import draft_reads
from mailroom.drafts.service import get_draft
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of


@endpoint(permission="draft_read", reads=draft_reads)
def handler(request: Request) -> dict[str, Any]:
    route, blobs = route_of(request.path), request.runtime.blobs
    return get_draft(request.caller, route, request.path["draft_id"], items=request.items, blobs=blobs)
