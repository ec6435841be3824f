"""DELETE /v0/inboxes/{inbox_id}, DELETE /v0/pods/{pod_id}/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.inboxes.access import inbox_reads
from mailroom.inboxes.service import delete_inbox


@endpoint(permission="inbox_delete", reads=inbox_reads)
def handler(request: Request) -> None:
    inbox_id, pod_id, queues = request.path["inbox_id"], request.path.get("pod_id"), request.runtime.queues
    delete_inbox(request.caller, inbox_id, items=request.items, queues=queues, pod_id=pod_id)
