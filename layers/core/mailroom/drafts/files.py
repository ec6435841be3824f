"""Attachments and text of a draft: written before the draft that shows them, under keys of their own, so that orphans are harmless
and go with the draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailroom import ids
from mailroom.config import Config
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.writing import Text
from mailroom.errors import ValidationError
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.preview import preview
from mailroom.messages.bodies import pack
from mailroom.messages.outgoing import described, require_listable
from mailroom.messages.record import AttachmentRecord, Bodies
from mailroom.ports import BlobStore
from mailroom.store import keys


class NewFile(NamedTuple):
    record: AttachmentRecord
    data: bytes


def described_files(files: Sequence[OutgoingAttachment], now: int) -> list[NewFile]:
    return [NewFile(described(ids.uuid7(now), file), file.data) for file in files]


def require_room(attachments: Sequence[AttachmentRecord], field: str, *, config: Config) -> None:
    """Raises ValidationError for more than a mail can carry once they are base64, Unprocessable for more than can be listed."""
    if sum(each["size"] for each in attachments) * 4 // 3 > config.max_mail_bytes:
        raise ValidationError.at(field, f"The message would be larger than {config.max_mail_bytes} bytes")
    require_listable(attachments)


def lay_down(o: str, draft: DraftRecord, files: Sequence[NewFile], *, blobs: BlobStore) -> None:
    for record, data in files:
        key = keys.blob_attachment(o, draft["inbox_id"], draft["draft_id"], record["attachment_id"])
        blobs.put(key, data, content_type=record.get("content_type", "application/octet-stream"))


def put_text(o: str, draft: DraftRecord, bodies: Bodies, *, blobs: BlobStore) -> Text:
    """Notes in the draft, a new version, where its text is kept; a large one is written at once."""
    draft.pop("preview", None)
    draft.pop("body_id", None)
    if (shown := preview(bodies.get("text"))) is not None:
        draft["preview"] = shown
    if not bodies:
        draft["body"] = "none"
        return "gone"
    draft["body"], packed = pack(bodies)
    if draft["body"] == "item":
        return packed
    draft["body_id"] = ids.uuid7(draft["updated_at"])
    blobs.put(keys.blob_draft_body(o, draft["inbox_id"], draft["draft_id"], draft["body_id"]), packed)
    return "gone"


def drop(o: str, draft: DraftRecord, *, blobs: BlobStore) -> None:
    """Everything of a draft that is not there (any more)."""
    blobs.delete_prefix(keys.blob_message(o, draft["inbox_id"], draft["draft_id"]))


def superseded(o: str, before: DraftRecord, after: DraftRecord) -> list[str]:
    """Keys of blobs that only the version before showed."""
    inbox_id, draft_id = before["inbox_id"], before["draft_id"]
    kept = {each["attachment_id"] for each in after.get("attachments", ())}
    gone = [each["attachment_id"] for each in before.get("attachments", ()) if each["attachment_id"] not in kept]
    found = [keys.blob_attachment(o, inbox_id, draft_id, each) for each in gone]
    if "body_id" in before and before["body_id"] != after.get("body_id"):
        found.append(keys.blob_draft_body(o, inbox_id, draft_id, before["body_id"]))
    return found
