"""POST /v0/domains/{domain_id}/verify, and the same below /v0/pods/{pod_id}"""

from __future__ import annotations

from mailroom.domains.access import domain_reads
from mailroom.domains.verify import verify_domain
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_update", reads=domain_reads)
def handler(request: Request) -> None:
    path, runtime = request.path, request.runtime
    pod_id, queues, clock = path.get("pod_id"), runtime.queues, runtime.clock
    verify_domain(request.caller, path["domain_id"], pod_id=pod_id, items=request.items, queues=queues, clock=clock)
