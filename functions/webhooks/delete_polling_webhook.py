"""DELETE /v0/webhooks/polling/{webhook_id}, and the same below /v0/pods/{pod_id} and /v0/inboxes/{inbox_id}"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of
from mailroom.webhooks.polling import delete_polling_webhook


@endpoint(permission="webhook_delete")
def handler(request: Request) -> None:
    delete_polling_webhook(request.caller, route_of(request.path), request.path["webhook_id"], items=request.items)
