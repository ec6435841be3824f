"""POST /v0/domains, POST /v0/pods/{pod_id}/domains"""

from __future__ import annotations

from typing import Any

from mailroom.domains.create import create_domain
from mailroom.domains.model import CREATE_DOMAIN
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_create", body=CREATE_DOMAIN)
def handler(request: Request) -> dict[str, Any]:
    runtime = request.runtime
    return create_domain(
        request.caller,
        request.body(),
        pod_id=request.path.get("pod_id"),
        items=request.items,
        identities=runtime.identities,
        resolver=runtime.resolver,
        queues=runtime.queues,
        clock=runtime.clock,
        config=runtime.config,
    )
