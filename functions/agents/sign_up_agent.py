"""POST /v0/agent/sign-up"""

from __future__ import annotations

from mailroom.agents.gate import count_sign_up, sign_up_gate
from mailroom.agents.model import SIGN_UP
from mailroom.agents.sign_up import sign_up
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission=None, gate=sign_up_gate, body=SIGN_UP)
def handler(request: Request) -> dict[str, str]:
    body = request.body()
    count_sign_up(request)
    return sign_up(body, items=request.items, runtime=request.runtime)
