"""GET /v0/inboxes/{inbox_id}/messages"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.listing import list_messages, query, reads


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    now = request.runtime.clock()
    return list_messages(request.caller, request.path["inbox_id"], request.query, items=request.items, now=now)
