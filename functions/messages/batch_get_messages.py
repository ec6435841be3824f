"""POST /v0/inboxes/{inbox_id}/messages/batch-get"""

from __future__ import annotations

from typing import Any

from mailroom.http.endpoint import Request, endpoint
from mailroom.messages.inputs import BATCH_GET
from mailroom.messages.service import batch_get, inbox_reads


@endpoint(permission="message_read", body=BATCH_GET, reads=inbox_reads)
def handler(request: Request) -> dict[str, Any]:
    return batch_get(request.caller, request.path["inbox_id"], request.body()["message_ids"], items=request.items)
