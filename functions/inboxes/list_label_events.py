"""GET /v0/inboxes/{inbox_id}/events"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.inboxes.label_events import list_label_events, list_query
from mailroom.store import keys
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> Paging:
    return request.paging(params)


def reads(o: str, request: Request) -> Reads:
    inbox_id = request.path["inbox_id"].lower()
    return Reads((keys.inbox(o, inbox_id),), (list_query(o, inbox_id, request.query),) if request.query else ())


@endpoint(permission="message_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_label_events(request.caller, request.path["inbox_id"], request.query, items=request.items)
