"""GET /v0/lists/{direction}/{type}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.scopes import route_of
from mailroom.lists.model import ListPage, list_name
from mailroom.lists.service import list_entries, page_reads
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> ListPage:
    return ListPage(list_name(request.path, params), request.paging(params))


def reads(o: str, request: Request) -> Reads:
    return page_reads(o, route_of(request.path), request.query)


@endpoint(permission="list_entry_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_entries(request.caller, route_of(request.path), request.query, items=request.items)
