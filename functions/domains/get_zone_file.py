"""GET /v0/domains/{domain_id}/zone-file, GET /v0/pods/{pod_id}/domains/{domain_id}/zone-file"""

from __future__ import annotations

from mailroom.domains.access import domain_reads
from mailroom.domains.zone import get_zone_file
from mailroom.http.answers import Download
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_read", reads=domain_reads)
def handler(request: Request) -> Download:
    path = request.path
    found = get_zone_file(request.caller, path["domain_id"], pod_id=path.get("pod_id"), items=request.items)
    return Download(found.text, found.filename, "text/plain; charset=utf-8")
