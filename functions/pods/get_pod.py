"""GET /v0/pods/{pod_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.pods.service import get_pod, pod_reads
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return pod_reads(o, request.path["pod_id"])


@endpoint(permission="pod_read", reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return get_pod(request.caller, request.path["pod_id"], items=request.items)
