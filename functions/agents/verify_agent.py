"""POST /v0/agent/verify"""

from __future__ import annotations

from mailroom.agents.model import VERIFY_AGENT
from mailroom.agents.verify import verify_agent
from mailroom.callers import AGENT_VERIFY
from mailroom.http.endpoint import Request, endpoint
from mailroom.secret import signing_key


@endpoint(permission=AGENT_VERIFY, body=VERIFY_AGENT, key_required=True)
def handler(request: Request) -> dict[str, bool]:
    runtime, code = request.runtime, request.body()["otp_code"]
    return verify_agent(request.caller, code, items=request.items, secret=signing_key(runtime), clock=runtime.clock)
