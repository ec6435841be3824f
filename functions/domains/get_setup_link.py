"""GET /v0/domains/{domain_id}/setup-link"""

from __future__ import annotations

from typing import Any

from mailroom.domains.access import domain_reads
from mailroom.domains.setup import get_setup_link
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="domain_read", reads=domain_reads)
def handler(request: Request) -> dict[str, Any]:
    return get_setup_link(request.caller, request.path["domain_id"], items=request.items, resolver=request.runtime.resolver)
