"""PATCH /v0/domains/{domain_id}, PATCH /v0/pods/{pod_id}/domains/{domain_id}"""

from __future__ import annotations

from typing import Any

from mailroom.domains.access import domain_reads
from mailroom.domains.model import UPDATE_DOMAIN
from mailroom.domains.update import update_domain
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_update", body=UPDATE_DOMAIN, reads=domain_reads)
def handler(request: Request) -> dict[str, Any]:
    runtime = request.runtime
    return update_domain(
        request.caller,
        request.path["domain_id"],
        request.body(),
        pod_id=request.path.get("pod_id"),
        items=request.items,
        identities=runtime.identities,
        queues=runtime.queues,
        clock=runtime.clock,
        config=runtime.config,
    )
