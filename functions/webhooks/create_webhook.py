"""POST /v0/webhooks, POST /v0/pods/{pod_id}/webhooks, POST /v0/inboxes/{inbox_id}/webhooks"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.webhooks.create import create_webhook
from mailroom.webhooks.model import CREATE_WEBHOOK


@endpoint(permission="webhook_create", body=CREATE_WEBHOOK)
def handler(request: Request) -> dict[str, Any]:
    route, runtime = route_of(request.path), request.runtime
    return create_webhook(request.caller, route, request.body(), items=request.items, clock=runtime.clock, config=runtime.config)
