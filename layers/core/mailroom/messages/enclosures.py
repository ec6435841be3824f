"""Files that go out with a mail: given in the request, fetched from a URL, or taken from the message that is forwarded."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom.errors import MessageRejected, NotFound
from mailroom.mail.entities import OutgoingAttachment
from mailroom.messages.outgoing import content_type_of
from mailroom.messages.record import AttachmentRecord, MessageRecord
from mailroom.messages.requests import AttachmentBody
from mailroom.ports import BlobMissing, BlobStore, FetchedFile, Fetcher, FetchFailed
from mailroom.store import keys


def given_files(attachments: Sequence[AttachmentBody], *, fetcher: Fetcher, limit: int) -> list[OutgoingAttachment]:
    """`limit` is for all fetched files together, in bytes. Raises MessageRejected for one that cannot be had."""
    files = []
    for index, item in enumerate(attachments):
        fetched = None
        if "url" in item:
            fetched = _fetch(item["url"], index, fetcher=fetcher, limit=limit)
            limit -= len(fetched.data)
        files.append(_file(item, fetched))
    return files


def source_files(o: str, source: MessageRecord, *, blobs: BlobStore) -> list[OutgoingAttachment]:
    """The attachments of a stored message, inline ones with their content ids. Raises NotFound where it was deleted meanwhile."""
    return stored_files(o, source["inbox_id"], source["uid"], source.get("attachments", ()), blobs=blobs)


def stored_files(
    o: str, inbox_id: str, uid: str, attachments: Sequence[AttachmentRecord], *, blobs: BlobStore
) -> list[OutgoingAttachment]:
    """Those of a message (`uid`) or a draft (its id). Raises NotFound."""
    files = []
    for record in attachments:
        try:
            data = blobs.get(keys.blob_attachment(o, inbox_id, uid, record["attachment_id"]))
        except BlobMissing:
            raise NotFound from None
        files.append(
            OutgoingAttachment(
                data=data,
                filename=record.get("filename"),
                content_type=record.get("content_type"),
                content_disposition=record.get("content_disposition", "attachment"),
                content_id=record.get("content_id"),
            )
        )
    return files


def _file(item: AttachmentBody, fetched: FetchedFile | None) -> OutgoingAttachment:
    filename = item.get("filename") or (fetched.filename if fetched else None)
    return OutgoingAttachment(
        data=fetched.data if fetched else item["content"],
        filename=filename,
        content_type=content_type_of(item.get("content_type") or (fetched.content_type if fetched else None), filename),
        content_disposition=item.get("content_disposition", "attachment"),
        content_id=item.get("content_id"),
    )


def _fetch(url: str, index: int, *, fetcher: Fetcher, limit: int) -> FetchedFile:
    try:
        return fetcher.fetch(url, max_bytes=max(limit, 0))
    except FetchFailed as failed:
        raise MessageRejected(
            f"The attachment at index {index} could not be fetched: {failed}", fix="Give a public URL, or the content itself."
        ) from failed
