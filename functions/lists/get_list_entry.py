"""GET /v0/lists/{direction}/{type}/{entry}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.scopes import route_of
from mailroom.lists.model import list_name
from mailroom.lists.record import ListName
from mailroom.lists.service import entry_reads, get_list_entry
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> ListName:
    return list_name(request.path, params)


def reads(o: str, request: Request) -> Reads:
    return entry_reads(o, route_of(request.path), request.query, request.path["entry"])


@endpoint(permission="list_entry_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return get_list_entry(request.caller, route_of(request.path), request.query, request.path["entry"], items=request.items)
