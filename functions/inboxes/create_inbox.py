"""POST /v0/inboxes, POST /v0/pods/{pod_id}/inboxes"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.inboxes.create import create_inbox
from mailroom.inboxes.model import CREATE_INBOX


@endpoint(permission="inbox_create", body=CREATE_INBOX)
def handler(request: Request) -> dict[str, Any]:
    runtime, pod_id = request.runtime, request.path.get("pod_id")
    return create_inbox(
        request.caller, request.body(), items=request.items, clock=runtime.clock, config=runtime.config, pod_id=pod_id
    )
