"""POST /v0/webhooks/{webhook_id}/deliveries/{event_id}/redeliver, and the same below /v0/pods/{pod_id} and
/v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads
from mailroom.webhooks.access import webhook_reads
from mailroom.webhooks.deliveries_again import redeliver


def reads(o: str, request: Request) -> Reads:
    return webhook_reads(o, route_of(request.path), request.path["webhook_id"])


@endpoint(permission="webhook_update", reads=reads)
def handler(request: Request) -> dict[str, Any]:
    runtime, path = request.runtime, request.path
    return redeliver(
        request.caller,
        route_of(path),
        path["webhook_id"],
        path["event_id"],
        items=request.items,
        queues=runtime.queues,
        clock=runtime.clock,
    )
