"""GET /v0/webhooks/polling/{webhook_id}/events, with the polling webhook's token"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.secret import signing_key
from mailroom.webhooks.polling_events import holder_of_token, poll_query, read_polled_events


@endpoint(permission=None, query=poll_query, authenticate=holder_of_token)
def handler(request: Request) -> dict[str, Any]:
    runtime, key = request.runtime, signing_key(request.runtime)
    return read_polled_events(request.grant, request.query, items=request.items, blobs=runtime.blobs, clock=runtime.clock, key=key)
