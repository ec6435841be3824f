"""GET /v0/drafts/{draft_id}/attachments/{attachment_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.drafts.access import draft_reads
from mailroom.drafts.service import get_draft_attachment
from mailroom.http import legacy
from mailroom.http.answers import Redirect
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of


@endpoint(permission="draft_read", reads=draft_reads)
def handler(request: Request) -> dict[str, Any] | Redirect:
    path, runtime = request.path, request.runtime
    answer = get_draft_attachment(
        request.caller,
        route_of(path),
        path["draft_id"],
        path["attachment_id"],
        items=request.items,
        blobs=runtime.blobs,
        now=runtime.clock(),
        seconds=runtime.config.download_url_seconds,
    )
    return legacy.attachment(answer, request.headers)
