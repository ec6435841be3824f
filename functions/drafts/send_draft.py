"""POST /v0/inboxes/{inbox_id}/drafts/{draft_id}/send"""

from __future__ import annotations

from mailroom.drafts.model import SEND_DRAFT
from mailroom.drafts.sending import reads, send_draft
from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.sender import SendResult


@endpoint(permission="draft_send", body=SEND_DRAFT, reads=reads)
def handler(request: Request) -> SendResult:
    return send_draft(request)
