"""POST /v0/pods"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.pods.model import CREATE_POD
from mailroom.pods.service import create_pod


@endpoint(permission="pod_create", body=CREATE_POD)
def handler(request: Request) -> dict[str, Any]:
    return create_pod(request.caller, request.body(), items=request.items, clock=request.runtime.clock)
