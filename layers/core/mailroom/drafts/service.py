"""Reading and deleting drafts (spec: drafts.md)."""

from __future__ import annotations

from typing import Any

from mailroom.callers import Caller
from mailroom.drafts import claims, render, writing
from mailroom.drafts.access import require_draft, text_of
from mailroom.errors import Conflict, NotFound, RaceCondition
from mailroom.keys.scopes import Route
from mailroom.messages.service import attachment_of, attachment_response
from mailroom.ports import BlobMissing, BlobStore
from mailroom.store.port import Delete, TransactionCancelled
from mailroom.store.prefetch import PrefetchedStore
from mailroom.store.races import attempts


def get_draft(caller: Caller, route: Route, draft_id: str, *, items: PrefetchedStore, blobs: BlobStore) -> dict[str, Any]:
    """The `Draft`. Raises NotFound."""
    for _ in attempts():
        record = require_draft(caller, route, draft_id, items=items)
        try:
            return render.draft(record, text_of(caller.organization_id, record, items=items, blobs=blobs))
        except BlobMissing:
            # Changed since the row was read.
            continue
    raise NotFound


def get_draft_attachment(
    caller: Caller,
    route: Route,
    draft_id: str,
    attachment_id: str,
    *,
    items: PrefetchedStore,
    blobs: BlobStore,
    now: int,
    seconds: int,
) -> dict[str, Any]:
    """An AttachmentResponse with a signed address. Raises NotFound."""
    record = require_draft(caller, route, draft_id, items=items)
    o, file = caller.organization_id, attachment_of(record, attachment_id)
    return attachment_response(o, record["inbox_id"], record["draft_id"], file, blobs=blobs, now=now, seconds=seconds)


def delete_draft(caller: Caller, route: Route, draft_id: str, *, items: PrefetchedStore) -> None:
    """Its files, index entries and timer go by the change feed. Raises NotFound, Conflict while it is being sent, RaceCondition."""
    for _ in attempts():
        record = require_draft(caller, route, draft_id, items=items)
        if record.get("send_status") == "sending":
            raise Conflict(claims.BEING_SENT, retry_after=1)
        row, *rest = writing.removed(
            caller.organization_id,
            record["inbox_id"],
            record["draft_id"],
            client_id=record.get("client_id"),
            due=record.get("due"),
        )
        try:
            items.transact([Delete(row.key, writing.unchanged(record)), *rest])
        except TransactionCancelled:
            continue
        return
    raise RaceCondition
