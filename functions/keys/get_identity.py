"""GET /v0/auth/me"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.render import identity


@endpoint(permission=None)
def handler(request: Request) -> dict[str, Any]:
    return identity(request.caller)
