"""POST .../drafts/{draft_id}/send (spec: drafts.md, "Send")."""

from __future__ import annotations

from typing import cast

from mailroom.drafts import claims
from mailroom.drafts.access import draft_of_inbox, draft_reads
from mailroom.drafts.mailing import send_claimed
from mailroom.drafts.model import SendDraft
from mailroom.errors import Conflict, NotFound
from mailroom.http.endpoint import Request
from mailroom.messages import audience, idempotency, quota
from mailroom.messages.idempotency import Finished
from mailroom.messages.requests import MailBody
from mailroom.messages.sender import SendResult, finished_meanwhile, opened, result_of, thread_of
from mailroom.store.port import Reads


def reads(o: str, request: Request) -> Reads:
    found = draft_reads(o, request)
    row = idempotency.row_key(o, request.headers)
    limited = quota.reads(o, request.runtime.config, request.runtime.clock())
    return Reads((*found.keys, *([row] if row is not None else []), *limited))


def send_draft(request: Request) -> SendResult:
    """Raises NotFound, ValidationError, Conflict, InboxPaused, Unprocessable, MessageRejected, RateLimited, RaceCondition; what is
    refused leaves the draft as it was."""
    sender = opened(request, "send-draft", request.path["draft_id"])
    if isinstance(sender, Finished):
        return result_of(sender)
    body: SendDraft = request.body()
    try:
        draft = draft_of_inbox(sender.o, sender.inbox["inbox_id"], request.path["draft_id"], items=sender.items)
    except NotFound:
        if (finished := finished_meanwhile(sender)) is not None:
            return result_of(finished)
        raise
    if draft.get("send_status") == "sending":
        raise Conflict(claims.BEING_SENT, retry_after=1)
    thread = thread_of(sender, draft["thread_id"], audience.given(cast(MailBody, draft)))
    return result_of(
        send_claimed(
            sender,
            draft,
            thread,
            "caller",
            add_labels=body.get("add_labels", ()),
            remove_labels=body.get("remove_labels", ()),
            forced=body.get("force", False),
        )
    )
