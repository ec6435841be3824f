"""GET /v0/webhooks/polling, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.keys.scopes import route_of
from mailroom.webhooks.polling import list_polling_webhooks


def query(request: Request, params: Params) -> Paging:
    return request.paging(params)


@endpoint(permission="webhook_read", query=query)
def handler(request: Request) -> dict[str, Any]:
    return list_polling_webhooks(request.caller, route_of(request.path), request.query, items=request.items)
