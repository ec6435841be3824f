"""How a draft is stored: the rows `D#{draft}` (what lists show) and `D#{draft}#B` (text and HTML) of its inbox. Times are in ms.

Optional attributes are absent, never None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NotRequired, TypedDict, cast

from mailroom.messages.record import AttachmentRecord, Automatic

SendStatus = Literal["scheduled", "sending", "failed"]
CancelOn = Literal["reply", "any_inbound"]


class SendError(TypedDict):
    """Why a scheduled draft failed, as its sender would have been told (spec: errors.md)."""

    code: str
    message: str
    fix: NotRequired[str]


class Watch(TypedDict):
    """Since when answers in the thread cancel the draft (`drafts.watch`)."""

    after: int
    known: list[str]
    """Ids of messages stored about that time that were there already."""


class ClaimRecord(TypedDict):
    """Who is sending the draft."""

    intent_id: str
    by: Literal["caller", "timer"]
    was: NotRequired[SendStatus]
    """The status to go back to where it is not sent; absent for a draft that was not scheduled."""


class DraftRecord(TypedDict):
    inbox_id: str
    pod_id: str
    draft_id: str
    """Names the folder of its blobs, too (`keys.blob_message`)."""
    thread_id: str
    """The parent's, or what is reserved for the message to come."""
    kind: Literal["plain", "reply", "forward"]
    labels: list[str]
    body: Literal["item", "blob", "none"]
    created_at: int
    updated_at: int
    """As callers see it; also the place in lists. Claiming a draft does not move it."""
    ver: int
    """Grows with each change of the row."""
    client_id: NotRequired[str]
    reply_to: NotRequired[list[str]]
    to: NotRequired[list[str]]
    cc: NotRequired[list[str]]
    bcc: NotRequired[list[str]]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[AttachmentRecord]]
    in_reply_to: NotRequired[str]
    forward_of: NotRequired[str]
    references: NotRequired[list[str]]
    force: NotRequired[bool]
    """Answers mail that was made without a human, too (`messages.loops`)."""
    automatic: NotRequired[Automatic]
    """What the parent of a reply is marked as, which may be gone by the time the reply is sent."""
    body_id: NotRequired[str]
    """Names the blob of the text, where it is one. Each version has its own, also those that lose a race."""
    send_status: NotRequired[SendStatus]
    send_at: NotRequired[int]
    due: NotRequired[int]
    """When the timer fires: `send_at`, or the next attempt."""
    timer: NotRequired[int]
    """The version that set the timer: any other timer that fires is out of date."""
    attempts: NotRequired[int]
    """Attempts at the due time that the provider put off."""
    send_error: NotRequired[SendError]
    claim: NotRequired[ClaimRecord]
    cancel_on: NotRequired[CancelOn]
    watch: NotRequired[Watch]
    cancelled_at: NotRequired[int]
    cancel_reason: NotRequired[CancelOn]


def put(draft: DraftRecord, values: Mapping[str, Any]) -> None:
    """What is empty is absent."""
    row = cast(dict[str, Any], draft)
    for name, value in values.items():
        row.pop(name, None)
        if value:
            row[name] = value
