"""How a thread is stored: the row `T#{thread_id}` of the core table. Times are milliseconds.

The aggregates (everything but labels) cover the messages without a restricted label; if every message carries one, all of them.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mailroom.messages.record import AttachmentRecord


class ThreadRecord(TypedDict):
    inbox_id: str
    pod_id: str
    thread_id: str
    labels: list[str]
    """Derived from `lc`: user and system labels with a count, restricted ones only when every message carries them."""
    lc: dict[str, int]
    """Label -> number of messages that carry it."""
    total: int
    """All messages, hidden ones too."""
    clean: int
    """Messages without a restricted label."""
    ver: int
    created_at: int
    updated_at: int
    ts: int
    """Of the newest aggregated message."""
    first_ts: int
    """Of the oldest aggregated message: whose subject the thread shows."""
    first_message_id: str
    senders: list[str]
    recipients: list[str]
    senders_at: list[int]
    """Where each sender first appeared (`threads.bounded`), so that mail committed out of order finds its place."""
    recipients_at: list[int]
    last_message_id: str
    message_count: int
    size: int
    received_ts: NotRequired[int]
    sent_ts: NotRequired[int]
    subject: NotRequired[str]
    preview: NotRequired[str]
    attachments: NotRequired[list[AttachmentRecord]]
    attachments_at: NotRequired[list[int]]
    cuts: NotRequired[dict[str, int]]
    """Name of a list that was shortened to fit the item -> the place from which on it was cut."""
    sent_window: NotRequired[list[int]]
    """How much the inbox has sent here lately (`threads.window`)."""
    deleting: NotRequired[bool]
    """Set when a thread of over 100 messages is being deleted: it no longer exists for readers."""
