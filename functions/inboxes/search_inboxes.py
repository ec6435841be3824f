"""GET /v0/inboxes/search, GET /v0/pods/{pod_id}/inboxes/search"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.inboxes.search import read_search, search_inboxes, search_reads
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return Reads() if request.query is None else search_reads(o, request.path.get("pod_id"), request.query)


@endpoint(permission="inbox_read", query=read_search, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return search_inboxes(request.caller, request.query, items=request.items, pod_id=request.path.get("pod_id"))
