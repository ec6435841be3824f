"""DELETE /v0/api-keys/{api_key_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of, target_reads
from mailroom.keys.service import delete_api_key
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return target_reads(o, route_of(request.path), request.path["api_key_id"])


@endpoint(permission="api_key_delete", reads=reads, key_required=True)
def handler(request: Request) -> None:
    delete_api_key(request.caller, route_of(request.path), request.path["api_key_id"], items=request.items)
