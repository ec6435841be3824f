"""How a message is stored: the rows `M#{h}` (what lists show) and `M#{h}#B` (bodies and headers) of the core table.

Times are milliseconds. Optional attributes are absent, never None.
"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

Automatic = Literal["marked", "null-sender", "own"]
"""By its header (`mail.automatic`); without a return path; the inbox's own mail coming back."""


class AttachmentRecord(TypedDict):
    attachment_id: str
    size: int
    """Decoded bytes."""
    filename: NotRequired[str]
    content_type: NotRequired[str]
    content_disposition: NotRequired[Literal["inline", "attachment"]]
    content_id: NotRequired[str]
    """Without angle brackets."""


# `from` is a keyword, hence the functional form for the one field.
_From = TypedDict("_From", {"from": str})


class MessageRecord(_From):
    inbox_id: str
    pod_id: str
    thread_id: str
    message_id: str
    labels: list[str]
    """Sorted as on the wire (`messages.labels.ordered`)."""
    ts: int
    to: list[str]
    size: int
    """Bytes of the raw MIME message."""
    created_at: int
    updated_at: int
    ver: int
    """Starts at the creation time in ms and grows by one with each change, so that a re-created id never goes back."""
    uid: str
    """Names the folder of its blobs (`keys.blob_message`)."""
    same: str
    """Hash of the mail's identity apart from transport headers: tells a second arrival from another mail with the same id."""
    body: Literal["item", "blob", "none"]
    """Where text, html, extracted parts and headers are kept."""
    reply_to: NotRequired[list[str]]
    cc: NotRequired[list[str]]
    bcc: NotRequired[list[str]]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[AttachmentRecord]]
    in_reply_to: NotRequired[str]
    references: NotRequired[list[str]]
    automatic: NotRequired[Automatic]
    """Why answers to a received mail would loop (`messages.loops`); absent on what a human may have written."""
    opening: NotRequired[str]
    """The uid under which its pixel is known (`keys.opening`), where it has one."""
    opened_at: NotRequired[int]
    """When its pixel was loaded first."""
    provider_id: NotRequired[str]
    """The receiving notice's or the accepting provider's id."""


class Bodies(TypedDict, total=False):
    """Content of `M#{h}#B`, compressed; also what the body blob holds."""

    text: str
    html: str
    extracted_text: str
    extracted_html: str
    headers: dict[str, str]
