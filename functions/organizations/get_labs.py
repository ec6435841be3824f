"""GET /v0/organizations/labs"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.organizations.labs import get_labs


@endpoint(permission="organization_read")
def handler(request: Request) -> dict[str, Any]:
    return get_labs()
