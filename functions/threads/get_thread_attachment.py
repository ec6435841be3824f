"""GET /v0/threads/{thread_id}/attachments/{attachment_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http import legacy
from mailroom.http.answers import Redirect
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.threads.access import reads
from mailroom.threads.service import get_thread_attachment


@endpoint(permission="message_read", reads=reads)
def handler(request: Request) -> dict[str, Any] | Redirect:
    path, runtime = request.path, request.runtime
    answer = get_thread_attachment(
        request.caller,
        route_of(path),
        path["thread_id"],
        path["attachment_id"],
        items=request.items,
        blobs=runtime.blobs,
        now=runtime.clock(),
        seconds=runtime.config.download_url_seconds,
    )
    return legacy.attachment(answer, request.headers)
