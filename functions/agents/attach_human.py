"""POST /v0/agent/human"""

from __future__ import annotations

from typing import Any

from mailroom.agents.human import attach_human
from mailroom.agents.model import ATTACH_HUMAN
from mailroom.callers import AGENT_VERIFY
from mailroom.http.endpoint import Request, endpoint
from mailroom.store import keys
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return Reads((keys.organization(o),))


@endpoint(permission=AGENT_VERIFY, body=ATTACH_HUMAN, reads=reads, key_required=True)
def handler(request: Request) -> dict[str, Any]:
    return attach_human(request.caller, request.body(), items=request.items, runtime=request.runtime)
