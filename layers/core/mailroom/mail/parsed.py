"""What parsing a raw mail yields (`mail.parse`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class ParsedAttachment:
    data: bytes
    filename: str | None = None
    content_type: str | None = None
    content_disposition: Literal["inline", "attachment"] | None = None
    content_id: str | None = None
    """Without angle brackets."""


@dataclass(slots=True)
class ParsedMail:
    """Decoded, length-limited, free of control characters; safe to store. `defects` says what was given up on the way here."""

    message_id: str | None = None
    """With angle brackets, from the header; None when there is none that could be one."""
    from_: str = ""
    """`a@b` or `Name <a@b>`; the text of the header as it is where there is no address in it."""
    from_address: str | None = None
    """Bare, lower case."""
    authors: list[str] = field(default_factory=list)
    """Every mailbox of the From fields, bare, lower case; `from_address` is the first, or the Sender where there is none."""
    signers: list[str] = field(default_factory=list)
    """The domain that each DKIM-Signature names, lower case; empty for one that cannot be read. Nothing of it is verified."""
    to: list[str] = field(default_factory=list)
    cc: list[str] = field(default_factory=list)
    bcc: list[str] = field(default_factory=list)
    reply_to: list[str] = field(default_factory=list)
    subject: str | None = None
    in_reply_to: list[str] = field(default_factory=list)
    """Message ids with angle brackets."""
    references: list[str] = field(default_factory=list)
    """Oldest first."""
    headers: dict[str, str] = field(default_factory=dict)
    """For the wire: all top-level fields but transport ones, repeated ones joined, at most 32 KB (spec: messages.md)."""
    text: str | None = None
    html: str | None = None
    attachments: list[ParsedAttachment] = field(default_factory=list)
    identity: str = ""
    """Hash of author, date, subject and content, without transport headers: equal for two arrivals of one mail."""
    automatic: bool = False
    """Marked as generated without a human (RFC 3834 Auto-Submitted, null sender reports, bulk precedence)."""
    defects: list[str] = field(default_factory=list)
