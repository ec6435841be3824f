"""GET /v0/events, GET /v0/pods/{pod_id}/events"""

from __future__ import annotations

from typing import Any

from mailroom.events.listing import event_query, list_events
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of


@endpoint(permission="message_read", query=event_query)
def handler(request: Request) -> dict[str, Any]:
    return list_events(request.caller, route_of(request.path), request.query, request.runtime, items=request.items)
