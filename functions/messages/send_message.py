"""POST /v0/inboxes/{inbox_id}/messages/send"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.requests import SEND
from mailroom.messages.sender import SendResult
from mailroom.messages.sending import reads, send


@endpoint(permission="message_send", body=SEND, reads=reads)
def handler(request: Request) -> SendResult:
    return send(request)
