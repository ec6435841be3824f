"""DELETE /v0/inboxes/{inbox_id}/drafts/{draft_id}"""

from __future__ import annotations

from mailroom.drafts.access import draft_reads
from mailroom.drafts.service import delete_draft
from mailroom.http.endpoint import Request, endpoint
from mailroom.keys.scopes import route_of


@endpoint(permission="draft_delete", reads=draft_reads)
def handler(request: Request) -> None:
    delete_draft(request.caller, route_of(request.path), request.path["draft_id"], items=request.items)
