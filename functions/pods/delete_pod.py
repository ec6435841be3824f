"""DELETE /v0/pods/{pod_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.pods.delete import delete_pod


@endpoint(permission="pod_delete")
def handler(request: Request) -> None:
    delete_pod(request.caller, request.path["pod_id"], items=request.items, queues=request.runtime.queues)
