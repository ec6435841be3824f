"""Mails as strangers write them, and what SES says about mail: the notices of its receipt rules and of its event publishing."""

from __future__ import annotations

import base64
from typing import Any

from mailroom.clock import now_ms, to_wire
from mailroom.outbound.ses import INTENT_TAG

ATTACHMENT = bytes(range(256)) * 8


def plain(message_id: str, recipient: str, subject: str, *, in_reply_to: str | None = None) -> bytes:
    lines = [
        "From: Ann <ann@example.com>",
        f"To: {recipient}",
        f"Subject: {subject}",
        f"Message-ID: {message_id}",
        *([f"In-Reply-To: {in_reply_to}"] if in_reply_to else []),
        "",
        "Where is my order?",
        "",
    ]
    return "\r\n".join(lines).encode()


def with_attachment(message_id: str, recipient: str) -> bytes:
    lines = [
        "From: Ann <ann@example.com>",
        f"To: {recipient}",
        "Subject: An order",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Where is my order?",
        "--b",
        'Content-Type: application/pdf; name="order.pdf"',
        'Content-Disposition: attachment; filename="order.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        base64.encodebytes(ATTACHMENT).decode().replace("\n", "\r\n").rstrip(),
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


def arrival(identity: str, recipient: str, bucket: str, key: str) -> dict[str, Any]:
    """The receipt rule's notice about a mail that it put into the bucket."""
    timestamp = to_wire(now_ms())
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    return {
        "notificationType": "Received",
        "mail": {"messageId": identity, "source": "ann@example.com", "timestamp": timestamp, "destination": [recipient]},
        "receipt": {
            "timestamp": timestamp,
            "recipients": [recipient],
            **verdicts,
            "action": {"type": "S3", "bucketName": bucket, "objectKeyPrefix": "ses/", "objectKey": key},
        },
    }


def bounce(message_id: str, intent_id: str, source: str, recipient: str) -> dict[str, Any]:
    """The configuration set's notice: a recipient's server does not know the recipient."""
    timestamp = to_wire(now_ms())
    ses_id = message_id.strip("<>").partition("@")[0]
    failed = {"emailAddress": recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}
    return {
        "eventType": "Bounce",
        "mail": {
            "timestamp": timestamp,
            "source": source,
            "messageId": ses_id,
            "destination": [recipient],
            "tags": {INTENT_TAG: [intent_id]},
        },
        "bounce": {
            "feedbackId": f"rehearsal-{ses_id}",
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [failed],
            "timestamp": timestamp,
        },
    }
