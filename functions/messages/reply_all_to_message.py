"""POST /v0/inboxes/{inbox_id}/messages/{message_id}/reply-all"""

from __future__ import annotations

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.requests import REPLY_ALL
from mailroom.messages.sender import SendResult
from mailroom.messages.sending import reads, reply_all


@endpoint(permission=("message_send", "message_read"), body=REPLY_ALL, reads=reads)
def handler(request: Request) -> SendResult:
    return reply_all(request)
