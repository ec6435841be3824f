"""POST /v0/webhooks/{webhook_id}/test, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads
from mailroom.webhooks.access import webhook_reads
from mailroom.webhooks.attempt_trial import try_webhook


def reads(o: str, request: Request) -> Reads:
    return webhook_reads(o, route_of(request.path), request.path["webhook_id"])


@endpoint(permission="webhook_update", reads=reads)
def handler(request: Request) -> dict[str, Any]:
    route, runtime = route_of(request.path), request.runtime
    return try_webhook(
        request.caller, route, request.path["webhook_id"], items=request.items, poster=runtime.poster, clock=runtime.clock
    )
