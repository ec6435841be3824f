"""The provider's notice of an arrived mail: SES receipt notification in an SQS message, with or without the SNS envelope around it.

Only the notice knows the envelope recipients (so Bcc works) and the verdicts; nothing of the kind is taken from the mail itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mailroom.clock import parse_instant

_CHECKS = ("spam", "virus", "spf", "dkim", "dmarc")


class Verdicts(NamedTuple):
    """Status words of the provider: PASS, FAIL, GRAY, PROCESSING_FAILED, DISABLED."""

    spam: str
    virus: str
    spf: str
    dkim: str
    dmarc: str
    policy: str
    """What the sender's domain asks for where DMARC fails, in lower case; empty when not given."""


class Arrival(NamedTuple):
    provider_id: str
    ts: int
    """When the provider took it, in milliseconds: the same in every delivery of the notice."""
    sender: str
    """Envelope sender, empty for a bounce."""
    recipients: tuple[str, ...]
    raw_key: str
    verdicts: Verdicts


def read(body: str) -> Arrival | None:
    """None for what announces no mail (a topic's own messages). Raises ValueError or KeyError for what is malformed."""
    notice = json.loads(body)
    if isinstance(notice, Mapping) and "Message" in notice and "receipt" not in notice:
        try:
            notice = json.loads(notice["Message"])
        except ValueError:
            return None
    if not isinstance(notice, Mapping) or notice.get("notificationType") != "Received":
        return None
    mail, receipt = notice["mail"], notice["receipt"]
    return Arrival(
        provider_id=mail["messageId"],
        ts=parse_instant(receipt.get("timestamp") or mail["timestamp"]) // 1000,
        sender=mail.get("source") or "",
        recipients=tuple(receipt["recipients"]),
        raw_key=_raw_key(receipt["action"]),
        verdicts=_verdicts(receipt),
    )


def _raw_key(action: Mapping[str, Any]) -> str:
    prefix, key = action.get("objectKeyPrefix") or "", action["objectKey"]
    return str(key if key.startswith(prefix) else prefix + key)


def _verdicts(receipt: Mapping[str, Any]) -> Verdicts:
    status = {name: str(receipt.get(f"{name}Verdict", {}).get("status", "GRAY")).upper() for name in _CHECKS}
    return Verdicts(**status, policy=str(receipt.get("dmarcPolicy") or "").lower())
