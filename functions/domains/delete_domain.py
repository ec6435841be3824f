"""DELETE /v0/domains/{domain_id}, DELETE /v0/pods/{pod_id}/domains/{domain_id}"""

from __future__ import annotations

from mailroom.domains.access import domain_reads
from mailroom.domains.delete import delete_domain
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_delete", reads=domain_reads)
def handler(request: Request) -> None:
    runtime = request.runtime
    delete_domain(
        request.caller,
        request.path["domain_id"],
        pod_id=request.path.get("pod_id"),
        items=request.items,
        identities=runtime.identities,
        queues=runtime.queues,
        clock=runtime.clock,
    )
