"""GET /v0/webhooks, GET /v0/pods/{pod_id}/webhooks, GET /v0/inboxes/{inbox_id}/webhooks"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads
from mailroom.webhooks.access import list_reads
from mailroom.webhooks.service import list_webhooks


def query(request: Request, params: Params) -> Paging:
    return request.paging(params)


def reads(o: str, request: Request) -> Reads:
    return list_reads(o, route_of(request.path))


@endpoint(permission="webhook_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_webhooks(request.caller, route_of(request.path), request.query, items=request.items)
