"""Keys of blobs."""

from __future__ import annotations

from mailroom.store.keys.parts import enc


def blob_inbox(o: str, inbox_id: str) -> str:
    """Prefix of everything an inbox owns."""
    return f"org/{o}/{enc(inbox_id)}/"


def blob_message(o: str, inbox_id: str, uid: str) -> str:
    """Prefix of one stored message's blobs. `uid` is derived from the delivery (or the send intent), not from the message id:
    a redelivery writes the same blobs again, and a later message with the same id never shares them."""
    return f"{blob_inbox(o, inbox_id)}{uid}/"


def blob_raw(o: str, inbox_id: str, uid: str) -> str:
    return blob_message(o, inbox_id, uid) + "raw.eml"


def blob_body(o: str, inbox_id: str, uid: str) -> str:
    return blob_message(o, inbox_id, uid) + "body.json.z"


def blob_draft_body(o: str, inbox_id: str, draft_id: str, body_id: str) -> str:
    """Of one version: a change must not touch what is shown until it is committed."""
    return f"{blob_message(o, inbox_id, draft_id)}body-{body_id}.json.z"


def blob_attachment(o: str, inbox_id: str, uid: str, attachment_id: str) -> str:
    return f"{blob_message(o, inbox_id, uid)}attachments/{attachment_id}"
