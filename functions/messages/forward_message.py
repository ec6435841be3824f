"""POST /v0/inboxes/{inbox_id}/messages/{message_id}/forward"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.requests import FORWARD
from mailroom.messages.sender import SendResult
from mailroom.messages.sending import forward, reads


@endpoint(permission=("message_send", "message_read"), body=FORWARD, reads=reads)
def handler(request: Request) -> SendResult:
    return forward(request)
