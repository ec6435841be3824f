"""GET /v0/domains/{domain_id}, GET /v0/pods/{pod_id}/domains/{domain_id}"""

from __future__ import annotations

from typing import Any

from mailroom.domains.access import domain_reads
from mailroom.domains.listing import get_domain
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_read", reads=domain_reads)
def handler(request: Request) -> dict[str, Any]:
    return get_domain(request.caller, request.path["domain_id"], pod_id=request.path.get("pod_id"), items=request.items)
