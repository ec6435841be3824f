"""Names that SES and we agree on."""

from __future__ import annotations

INTENT_TAG = "intent"
"""Tag of a sent mail that its notices bring back."""

SERVICE_MAIL = "service-"
"""Begins the intent ids of what the service itself mails: nothing follows from the notices about it."""


def message_id(ses_id: str, region: str) -> str:
    """The Message-ID that SES puts into the mail it accepted under this id (spec: messages.md, "Result"). On one machine notices
    name the Message-ID itself."""
    if ses_id.startswith("<"):
        return ses_id
    host = "email.amazonses.com" if region == "us-east-1" else f"{region}.amazonses.com"
    return f"<{ses_id}@{host}>"
