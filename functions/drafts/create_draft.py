"""POST /v0/inboxes/{inbox_id}/drafts"""

from __future__ import annotations

from typing import Any

from mailroom.drafts.create import create_draft, reads
from mailroom.drafts.model import CREATE_DRAFT
from mailroom.http.endpoint import Request, endpoint


@endpoint(permission="draft_create", body=CREATE_DRAFT, reads=reads)
def handler(request: Request) -> dict[str, Any]:
    return create_draft(request)
