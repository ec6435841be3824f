"""POST /v0/lists/{direction}/{type}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.scopes import owner_keys, route_of
from mailroom.lists.model import CREATE_LIST_ENTRY, list_name
from mailroom.lists.record import ListName
from mailroom.lists.service import create_list_entry, require_may_create
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> ListName:
    return list_name(request.path, params)


def reads(o: str, request: Request) -> Reads:
    return Reads(owner_keys(o, route_of(request.path)))


@endpoint(permission="list_entry_create", body=CREATE_LIST_ENTRY, query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    require_may_create(request.caller, request.query)
    route, body, runtime = route_of(request.path), request.body(), request.runtime
    return create_list_entry(
        request.caller, route, request.query, body, items=request.items, clock=runtime.clock, config=runtime.config
    )
