"""PATCH /v0/inboxes/{inbox_id}/drafts/{draft_id}"""

from __future__ import annotations

from typing import Any

from mailroom.drafts.access import draft_reads
from mailroom.drafts.model import UPDATE_DRAFT
from mailroom.drafts.update import update_draft
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="draft_update", body=UPDATE_DRAFT, reads=draft_reads)
def handler(request: Request) -> dict[str, Any]:
    return update_draft(request)
