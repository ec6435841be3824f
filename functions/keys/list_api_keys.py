"""GET /v0/api-keys, GET /v0/pods/{pod_id}/api-keys, GET /v0/inboxes/{inbox_id}/api-keys"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.listing import ListQuery, list_api_keys, list_reads
from mailroom.keys.scopes import route_of
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> ListQuery:
    kind = params.choice("type", ("bearer", "public_key")) if not request.path else None
    return ListQuery(request.paging(params, kind), kind)


def reads(o: str, request: Request) -> Reads:
    asked: ListQuery | None = request.query
    return Reads() if asked is None else list_reads(o, route_of(request.path), asked.paging)


@endpoint(permission="api_key_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_api_keys(request.caller, route_of(request.path), request.query, items=request.items)
