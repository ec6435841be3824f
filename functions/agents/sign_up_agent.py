"""POST /v0/agent/sign-up"""

from __future__ import annotations

from mailroom.agents.gate import sign_up_gate
from mailroom.agents.model import SIGN_UP
from mailroom.agents.sign_up import sign_up
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission=None, gate=sign_up_gate, body=SIGN_UP)
def handler(request: Request) -> dict[str, str]:
    return sign_up(request.body(), items=request.items, runtime=request.runtime)
