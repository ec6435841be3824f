"""GET /v0/api-keys/{api_key_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import Route, target_reads
from mailroom.keys.service import get_api_key
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    return target_reads(o, Route(), request.path["api_key_id"])


@endpoint(permission="api_key_read", reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return get_api_key(request.caller, request.path["api_key_id"], items=request.items)
