"""The notice of an arrived mail: the shape that SES publishes through SNS into SQS (design: flows.md, "Mail in")."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import Any

from mailroom.clock import to_wire

BUCKET = "local"
VERDICTS_HEADER = "X-Mailroom-Verdicts"

_CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")
_STATUSES = frozenset({"PASS", "FAIL", "GRAY", "PROCESSING_FAILED"})
_POLICIES = frozenset({"none", "quarantine", "reject"})
_HEAD_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Verdicts:
    statuses: Mapping[str, str]
    """By check: spam, virus, spf, dkim, dmarc; a missing one passed."""
    policy: str | None = None
    """The sender domain's DMARC policy, where dmarc failed."""


PASS = Verdicts({})


def verdicts_from_header(raw: bytes) -> Verdicts:
    """What `X-Mailroom-Verdicts: spam=FAIL, spf=GRAY, dmarc=FAIL, policy=reject` says; unknown words are ignored."""
    end = raw.find(b"\r\n\r\n")
    head = raw[: min(end if end >= 0 else len(raw), _HEAD_BYTES)]
    text = str(BytesHeaderParser().parsebytes(head).get(VERDICTS_HEADER, ""))
    words = dict(part.strip().partition("=")[::2] for part in text.split(","))
    statuses = {check: words[check].upper() for check in _CHECKS if words.get(check, "").upper() in _STATUSES}
    policy = words.get("policy", "").lower()
    return Verdicts(statuses, policy if policy in _POLICIES else None)


def blob_key(provider_id: str) -> str:
    """Where the raw mail is kept."""
    return f"ses/{provider_id}"


def arrival(provider_id: str, *, sender: str, recipients: Sequence[str], verdicts: Verdicts, now_ms: int) -> dict[str, Any]:
    """The body of the queue message. `sender` is the envelope's, empty for the null sender."""
    timestamp = to_wire(now_ms)
    receipt: dict[str, Any] = {
        "timestamp": timestamp,
        "recipients": list(recipients),
        **{f"{check}Verdict": {"status": verdicts.statuses.get(check, "PASS")} for check in _CHECKS},
        "action": {"type": "S3", "bucketName": BUCKET, "objectKey": blob_key(provider_id)},
    }
    if verdicts.policy is not None:
        receipt["dmarcPolicy"] = verdicts.policy
    message = {
        "notificationType": "Received",
        "mail": {"messageId": provider_id, "source": sender, "timestamp": timestamp, "destination": list(recipients)},
        "receipt": receipt,
    }
    return {
        "Type": "Notification",
        "MessageId": str(uuid.uuid5(uuid.NAMESPACE_OID, provider_id)),
        "Timestamp": timestamp,
        "Message": json.dumps(message, separators=(",", ":")),
    }
