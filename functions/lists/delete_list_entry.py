"""DELETE /v0/lists/{direction}/{type}/{entry}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.keys.scopes import route_of
from mailroom.lists.model import list_name
from mailroom.lists.record import ListName
from mailroom.lists.service import delete_list_entry, entry_reads
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> ListName:
    return list_name(request.path, params)


def reads(o: str, request: Request) -> Reads:
    return entry_reads(o, route_of(request.path), request.query, request.path["entry"])


@endpoint(permission="list_entry_delete", query=query, reads=reads)
def handler(request: Request) -> None:
    delete_list_entry(request.caller, route_of(request.path), request.query, request.path["entry"], items=request.items)
