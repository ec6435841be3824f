"""PATCH /v0/inboxes/{inbox_id}, PATCH /v0/pods/{pod_id}/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.inboxes.access import inbox_reads
from mailroom.inboxes.model import UPDATE_INBOX
from mailroom.inboxes.service import update_inbox


@endpoint(permission="inbox_update", body=UPDATE_INBOX, reads=inbox_reads)
def handler(request: Request) -> dict[str, Any]:
    inbox_id, pod_id, clock = request.path["inbox_id"], request.path.get("pod_id"), request.runtime.clock
    return update_inbox(request.caller, inbox_id, request.body(), items=request.items, clock=clock, pod_id=pod_id)
