"""GET /v0/organizations"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.organizations.service import get_organization
from mailroom.store import keys
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return Reads((keys.organization(o),))


@endpoint(permission="organization_read", reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return get_organization(request.caller, items=request.items, config=request.runtime.config)
