"""GET /v0/pods"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.pods.service import list_pods, list_query
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> Paging:
    return request.paging(params)


def reads(o: str, request: Request) -> Reads:
    return Reads(queries=(list_query(o, request.query),) if request.query else ())


@endpoint(permission="pod_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_pods(request.caller, request.query, items=request.items)
