"""GET /v0/inboxes/{inbox_id}, GET /v0/pods/{pod_id}/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.inboxes.access import inbox_reads
from mailroom.inboxes.service import get_inbox


@endpoint(permission="inbox_read", reads=inbox_reads)
def handler(request: Request) -> dict[str, Any]:
    return get_inbox(request.caller, request.path["inbox_id"], items=request.items, pod_id=request.path.get("pod_id"))
