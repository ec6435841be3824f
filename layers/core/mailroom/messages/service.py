"""Reading single messages: get, batch-get, attachments, raw mail (spec: messages.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from mailroom.callers import Caller
from mailroom.clock import to_wire
from mailroom.errors import NotFound
from mailroom.http.endpoint import Request
from mailroom.http.paths import normalized_message_id
from mailroom.inboxes.access import require_inbox
from mailroom.messages import render
from mailroom.messages.bodies import load
from mailroom.messages.record import AttachmentRecord, Bodies, MessageRecord
from mailroom.ports import BlobMissing, BlobStore
from mailroom.store import keys
from mailroom.store.port import ItemStore, Reads

if TYPE_CHECKING:
    from mailroom.drafts.record import DraftRecord


def inbox_reads(o: str, request: Request) -> Reads:
    return Reads((keys.inbox(o, request.path["inbox_id"].lower()),))


def meta_reads(o: str, request: Request) -> Reads:
    """The inbox and the message's row, for endpoints that do not show its bodies."""
    inbox_id = request.path["inbox_id"].lower()
    return Reads((keys.inbox(o, inbox_id), keys.message(o, inbox_id, normalized_message_id(request.path["message_id"]))))


def message_reads(o: str, request: Request) -> Reads:
    inbox, message = meta_reads(o, request).keys
    return Reads((inbox, message, keys.body(message)))


def find(caller: Caller, inbox_id: str, message_id: str, *, items: ItemStore) -> MessageRecord:
    """The message, if the caller may see it. Raises NotFound."""
    require_inbox(caller, inbox_id, items=items)
    row = items.get(keys.message(caller.organization_id, inbox_id, normalized_message_id(message_id)))
    if row is None:
        raise NotFound
    caller.require_visible(row["labels"])
    return cast(MessageRecord, row)


def find_all(caller: Caller, inbox_id: str, ids: Sequence[str], *, items: ItemStore) -> list[MessageRecord]:
    """Those the caller may see, in the order asked for."""
    wanted = [keys.message(caller.organization_id, inbox_id, message_id) for message_id in ids]
    found, unreadable = items.batch_get(wanted), caller.unreadable_labels()
    return [cast(MessageRecord, found[key]) for key in wanted if key in found and unreadable.isdisjoint(found[key]["labels"])]


def get_message(caller: Caller, inbox_id: str, message_id: str, *, items: ItemStore, blobs: BlobStore) -> dict[str, Any]:
    """A Message. Raises NotFound."""
    record = find(caller, inbox_id, message_id, items=items)
    o = caller.organization_id
    row = items.get(keys.body(keys.message(o, inbox_id, record["message_id"]))) if record["body"] == "item" else None
    try:
        return render.message(record, load(o, record, row, blobs=blobs))
    except BlobMissing:
        raise NotFound from None


def batch_get(caller: Caller, inbox_id: str, ids: Sequence[str], *, items: ItemStore) -> dict[str, Any]:
    """A BatchGetMessagesResponse: without bodies, what is missing or hidden left out. Raises NotFound for the inbox."""
    require_inbox(caller, inbox_id, items=items)
    records = find_all(caller, inbox_id, ids, items=items)
    return {"limit": len(ids), "count": len(records), "messages": [render.message(record, Bodies()) for record in records]}


def get_attachment(
    caller: Caller,
    inbox_id: str,
    message_id: str,
    attachment_id: str,
    *,
    items: ItemStore,
    blobs: BlobStore,
    now: int,
    seconds: int,
) -> dict[str, Any]:
    """An AttachmentResponse with a signed address. Raises NotFound."""
    record = find(caller, inbox_id, message_id, items=items)
    o, file = caller.organization_id, attachment_of(record, attachment_id)
    return attachment_response(o, inbox_id, record["uid"], file, blobs=blobs, now=now, seconds=seconds)


def attachment_response(
    o: str, inbox_id: str, uid: str, file: AttachmentRecord | None, *, blobs: BlobStore, now: int, seconds: int
) -> dict[str, Any]:
    """Of a message (`uid`) or a draft (its id). Raises NotFound where there is no such attachment."""
    if file is None:
        raise NotFound
    url = blobs.url(
        keys.blob_attachment(o, inbox_id, uid, file["attachment_id"]),
        filename=file.get("filename"),
        content_type=file.get("content_type"),
        inline=file.get("content_disposition") == "inline",
        seconds=seconds,
    )
    return {**render.attachment(file), "download_url": url, "expires_at": to_wire(now + seconds * 1000)}


def attachment_of(record: MessageRecord | DraftRecord, attachment_id: str) -> AttachmentRecord | None:
    return next((file for file in record.get("attachments", ()) if file["attachment_id"] == attachment_id), None)


def get_raw(
    caller: Caller, inbox_id: str, message_id: str, *, items: ItemStore, blobs: BlobStore, now: int, seconds: int
) -> dict[str, Any]:
    """A RawMessageResponse with a signed address of the .eml. Raises NotFound."""
    record = find(caller, inbox_id, message_id, items=items)
    key = keys.blob_raw(caller.organization_id, inbox_id, record["uid"])
    url = blobs.url(key, filename="message.eml", content_type="message/rfc822", inline=False, seconds=seconds)
    return {
        "message_id": record["message_id"],
        "size": record["size"],
        "download_url": url,
        "expires_at": to_wire(now + seconds * 1000),
    }
