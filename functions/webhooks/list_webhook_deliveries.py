"""GET /v0/webhooks/{webhook_id}/deliveries, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads
from mailroom.webhooks.access import webhook_reads
from mailroom.webhooks.deliveries import STATUSES
from mailroom.webhooks.deliveries_listing import ListQuery, list_deliveries


def query(request: Request, params: Params) -> ListQuery:
    status = params.choice("status", STATUSES)
    return ListQuery(request.paging(params, status), status)


def reads(o: str, request: Request) -> Reads:
    return webhook_reads(o, route_of(request.path), request.path["webhook_id"])


@endpoint(permission="webhook_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_deliveries(request.caller, route_of(request.path), request.path["webhook_id"], request.query, items=request.items)
