"""Where a draft is, and whether it exists for a caller: by id or client id, at organization, pod or inbox scope."""

from __future__ import annotations

from typing import cast

from mailroom.callers import Caller
from mailroom.drafts.record import DraftRecord
from mailroom.errors import NotFound
from mailroom.http.endpoint import Request
from mailroom.inboxes.access import require_inbox
from mailroom.keys.scopes import Route
from mailroom.messages.bodies import unpack
from mailroom.messages.record import Bodies
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import ItemStore, Key, Reads
from mailroom.store.prefetch import PrefetchedStore


def draft_reads(o: str, request: Request) -> Reads:
    """Below an inbox its row, the draft's and its text; else the pointer that tells the inbox. By client id, too."""
    named = request.path["draft_id"]
    mapped = keys.client_id(o, "draft", named)
    if "inbox_id" not in request.path:
        return Reads((keys.draft_pointer(o, named), mapped))
    return Reads((*_rows(o, request.path["inbox_id"].lower(), named), mapped))


def require_draft(caller: Caller, route: Route, named: str, *, items: PrefetchedStore) -> DraftRecord:
    """Its text is read along and waits in `items`. Raises NotFound for a draft that is unknown, out of scope, or not in the route's
    inbox or pod."""
    if route.inbox_id is not None:
        require_inbox(caller, route.inbox_id, items=items)
    return find_draft(caller, route, named, items=items)


def find_draft(caller: Caller, route: Route, named: str, *, items: PrefetchedStore) -> DraftRecord:
    """The same where the route's inbox is known to be there."""
    o = caller.organization_id
    if route.inbox_id is not None:
        if (row := items.get(keys.draft(o, route.inbox_id, named))) is not None:
            return cast(DraftRecord, row)
    elif (pointer := items.get(keys.draft_pointer(o, named))) is not None:
        return _read(caller, route, pointer["inbox_id"], named, items=items)
    mapped = items.get(keys.client_id(o, "draft", named))
    if mapped is None or route.inbox_id not in (None, mapped["inbox_id"]):
        raise NotFound
    return _read(caller, route, mapped["inbox_id"], mapped["id"], items=items)


def _read(caller: Caller, route: Route, inbox_id: str, draft_id: str, *, items: PrefetchedStore) -> DraftRecord:
    items.prefetch(Reads(_rows(caller.organization_id, inbox_id, draft_id)))
    require_inbox(caller, inbox_id, items=items, pod_id=route.pod_id)
    row = items.get(keys.draft(caller.organization_id, inbox_id, draft_id))
    if row is None:
        raise NotFound
    return cast(DraftRecord, row)


def _rows(o: str, inbox_id: str, draft_id: str) -> tuple[Key, ...]:
    draft = keys.draft(o, inbox_id, draft_id)
    return keys.inbox(o, inbox_id), draft, keys.body(draft)


def text_of(o: str, draft: DraftRecord, *, items: ItemStore, blobs: BlobStore) -> Bodies:
    """Text and HTML. Raises BlobMissing where the draft was changed or deleted meanwhile."""
    if draft["body"] == "blob":
        return unpack(blobs.get(keys.blob_draft_body(o, draft["inbox_id"], draft["draft_id"], draft["body_id"])))
    row = items.get(keys.body(keys.draft(o, draft["inbox_id"], draft["draft_id"]))) if draft["body"] == "item" else None
    return unpack(bytes(row["data"])) if row is not None else Bodies()
