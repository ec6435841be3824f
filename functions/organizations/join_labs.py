"""POST /v0/organizations/labs"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.organizations.labs import refuse_labs


@endpoint(permission="organization_read")
def handler(request: Request) -> None:
    refuse_labs()
