"""PATCH /v0/webhooks/{webhook_id}/headers, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads
from mailroom.webhooks.access import webhook_reads
from mailroom.webhooks.model import UPDATE_HEADERS
from mailroom.webhooks.service import update_headers


def reads(o: str, request: Request) -> Reads:
    return webhook_reads(o, route_of(request.path), request.path["webhook_id"])


@endpoint(permission="webhook_update", body=UPDATE_HEADERS, reads=reads)
def handler(request: Request) -> None:
    route, webhook_id, clock = route_of(request.path), request.path["webhook_id"], request.runtime.clock
    update_headers(request.caller, route, webhook_id, request.body(), items=request.items, clock=clock)
