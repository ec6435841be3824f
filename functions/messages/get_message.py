"""GET /v0/inboxes/{inbox_id}/messages/{message_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.service import get_message, message_reads


@endpoint(permission="message_read", reads=message_reads)
def handler(request: Request) -> dict[str, Any]:
    path = request.path
    return get_message(request.caller, path["inbox_id"], path["message_id"], items=request.items, blobs=request.runtime.blobs)
