"""PATCH /v0/api-keys/{api_key_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.model import UPDATE_API_KEY
from mailroom.keys.scopes import route_of, target_reads
from mailroom.keys.service import update_api_key
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return target_reads(o, route_of(request.path), request.path["api_key_id"])


@endpoint(permission="api_key_update", body=UPDATE_API_KEY, reads=reads, key_required=True)
def handler(request: Request) -> dict[str, Any]:
    key_id, clock = request.path["api_key_id"], request.runtime.clock
    return update_api_key(request.caller, route_of(request.path), key_id, request.body(), items=request.items, clock=clock)
