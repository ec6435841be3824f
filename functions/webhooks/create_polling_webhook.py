"""POST /v0/webhooks/polling, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.webhooks.polling import CREATE_POLLING_WEBHOOK, create_polling_webhook


@endpoint(permission="webhook_create", body=CREATE_POLLING_WEBHOOK)
def handler(request: Request) -> dict[str, Any]:
    route, body, runtime = route_of(request.path), request.body(), request.runtime
    return create_polling_webhook(request.caller, route, body, items=request.items, clock=runtime.clock, config=runtime.config)
