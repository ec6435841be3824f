"""GET /v0/inboxes/{inbox_id}/messages/{message_id}/attachments/{attachment_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http import legacy
from mailroom.http.answers import Redirect
from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.service import get_attachment, meta_reads


@endpoint(permission="message_read", reads=meta_reads)
def handler(request: Request) -> dict[str, Any] | Redirect:
    path, runtime = request.path, request.runtime
    answer = get_attachment(
        request.caller,
        path["inbox_id"],
        path["message_id"],
        path["attachment_id"],
        items=request.items,
        blobs=runtime.blobs,
        now=runtime.clock(),
        seconds=runtime.config.download_url_seconds,
    )
    return legacy.attachment(answer, request.headers)
