"""GET /v0/domains, GET /v0/pods/{pod_id}/domains"""

from __future__ import annotations

from typing import Any

from mailroom.domains.listing import list_domains, list_reads
from mailroom.http.endpoint import Request, endpoint
from mailroom.http.params import Params
from mailroom.http.tokens import Paging
from mailroom.store.port import Reads


def query(request: Request, params: Params) -> Paging:
    return request.paging(params)


def reads(o: str, request: Request) -> Reads:
    return Reads() if request.query is None else list_reads(o, request.path.get("pod_id"), request.query)


@endpoint(permission="domain_read", query=query, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return list_domains(request.caller, request.query, pod_id=request.path.get("pod_id"), items=request.items)
