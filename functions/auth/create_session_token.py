"""POST /v0/auth/token"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.sessions import SESSION_REQUEST, create_session
from mailroom.secret import signing_key


@endpoint(permission=None, body=SESSION_REQUEST, key_required=True)
def handler(request: Request) -> dict[str, Any]:
    return create_session(request.caller, request.body(), secret=signing_key(request.runtime), clock=request.runtime.clock)
