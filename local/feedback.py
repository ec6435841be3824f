"""What the mailer of one machine says about the mail it took, in the words of SES event publishing by SNS (spec: events.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mailroom.clock import to_wire
from mailroom.ids import derived_uuid
from mailroom.outbound.ses import INTENT_TAG

if TYPE_CHECKING:
    from local.outbox import Mail

QUEUE = "notices"
DELAY_S = 1
"""A provider's notices come after its answer. So do these: the answer's own work is not disturbed, and whoever reads a message that
they just sent finds it as they sent it."""

_ENHANCED = re.compile(r"(?:\d{3}[ -])?([245]\.\d{1,3}\.\d{1,3})(?!\S)")


class Failed(NamedTuple):
    """A recipient who does not get the mail. `reply` is the answer that says so, as in `550 5.1.1 No such user`."""

    recipient: str
    reply: str
    given_up: bool = False
    """It was only ever put off, for days."""


def enhanced_status(reply: str) -> str | None:
    """The status code of RFC 3463 at the beginning of a reply, behind the code of RFC 5321."""
    found = _ENHANCED.match(reply)
    return found[1] if found else None


_TRANSIENT = {"2.2": "MailboxFull", "2.3": "MessageTooLarge", "3.4": "MessageTooLarge"}
_TRANSIENT_SUBJECTS = {"3": "General", "4": "General", "5": "General", "6": "ContentRejected", "7": "ContentRejected"}


def bounce_kind(failed: Failed) -> tuple[str, str]:
    """Type and sub-type as SES tells them apart: only what condemns the address is permanent. A full mailbox, a mail nobody there
    wants, or a relay that does not let us in says nothing about the address, and must not suppress it."""
    status = enhanced_status(failed.reply)
    detail = status.partition(".")[2] if status else ""
    if failed.given_up:
        return "Transient", _TRANSIENT.get(detail, "General")
    if detail in _TRANSIENT:
        return "Transient", _TRANSIENT[detail]
    if (subject := detail.partition(".")[0]) in _TRANSIENT_SUBJECTS:
        return "Transient", _TRANSIENT_SUBJECTS[subject]
    return "Permanent", "NoEmail" if detail == "1.1" else "General"


def sent(mail: Mail, recipients: Sequence[str]) -> dict[str, Any]:
    """The body of a queue message, like the others here."""
    return _notice(mail, "Send", "send", recipients, {}, mail.accepted_at)


def delivery(mail: Mail, recipients: Sequence[str], *, reply: str, ts: int) -> dict[str, Any]:
    details = {"recipients": list(recipients), "smtpResponse": reply, "processingTimeMillis": max(0, ts - mail.accepted_at)}
    return _notice(mail, "Delivery", "delivery", recipients, details, ts)


def bounces(mail: Mail, failures: Iterable[Failed], *, ts: int) -> list[dict[str, Any]]:
    """One for each kind of bounce."""
    by_kind: dict[tuple[str, str], list[Failed]] = {}
    for failed in failures:
        by_kind.setdefault(bounce_kind(failed), []).append(failed)
    return [bounce(mail, group, kind=kind, sub_type=sub_type, ts=ts) for (kind, sub_type), group in by_kind.items()]


def bounce(mail: Mail, failures: Sequence[Failed], *, kind: str, sub_type: str, ts: int) -> dict[str, Any]:
    recipients = [failed.recipient for failed in failures]
    details = {
        "bounceType": kind,
        "bounceSubType": sub_type,
        "bouncedRecipients": [_recipient(failed.recipient, failed.reply, action="failed") for failed in failures],
    }
    return _notice(mail, "Bounce", "bounce", recipients, details | _feedback_id(mail, "Bounce", recipients, ts), ts)


def complaint(mail: Mail, recipients: Sequence[str], *, ts: int) -> dict[str, Any]:
    details = {"complainedRecipients": [{"emailAddress": each} for each in recipients], "complaintFeedbackType": "abuse"}
    return _notice(mail, "Complaint", "complaint", recipients, details | _feedback_id(mail, "Complaint", recipients, ts), ts)


def delay(mail: Mail, replies: Mapping[str, str], *, ts: int) -> dict[str, Any]:
    """`replies`: by recipient."""
    details = {"delayType": "General", "delayedRecipients": [_recipient(*each) for each in replies.items()]}
    return _notice(mail, "DeliveryDelay", "deliveryDelay", list(replies), details, ts)


def _recipient(address: str, reply: str, **more: str) -> dict[str, str]:
    status = enhanced_status(reply)
    return {"emailAddress": address, **more, **({"status": status} if status else {}), "diagnosticCode": f"smtp; {reply}"}


def _feedback_id(mail: Mail, kind: str, recipients: Iterable[str], ts: int) -> dict[str, str]:
    return {"feedbackId": derived_uuid("feedback", mail.intent_id, kind, str(ts), *recipients)}


def _notice(mail: Mail, kind: str, name: str, recipients: Sequence[str], details: Mapping[str, Any], ts: int) -> dict[str, Any]:
    timestamp = to_wire(ts)
    message = {
        "eventType": kind,
        "mail": {
            "timestamp": to_wire(mail.accepted_at),
            "source": mail.return_path,
            # The whole Message-ID: here it does not follow from an id of the provider's.
            "messageId": mail.message_id,
            "destination": list(recipients),
            "tags": {INTENT_TAG: [mail.intent_id]},
        },
        name: {**details, "timestamp": timestamp} if kind != "Send" else {},
    }
    return {
        "Type": "Notification",
        "MessageId": derived_uuid("notice", mail.intent_id, kind, str(ts), *recipients),
        "Timestamp": timestamp,
        "Message": json.dumps(message, separators=(",", ":")),
    }
