"""POST /v0/api-keys, POST /v0/pods/{pod_id}/api-keys, POST /v0/inboxes/{inbox_id}/api-keys"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.model import CREATE_API_KEY
from mailroom.keys.scopes import route_of
from mailroom.keys.service import create_api_key


@endpoint(permission="api_key_create", body=CREATE_API_KEY, key_required=True)
def handler(request: Request) -> dict[str, Any]:
    route, clock = route_of(request.path), request.runtime.clock
    return create_api_key(request.caller, route, request.body(), items=request.items, clock=clock)
