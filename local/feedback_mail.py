"""Bounces and complaints as mails into the inbox that sent (spec: domains.md, "Feedback"; SES: e-mail feedback forwarding).

They go to the inbound queue and not through SMTP, so that none is read as a report that came back (`local.reports`).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from local import notice
from local.feedback import DELAY_S
from mailroom.clock import parse_instant
from mailroom.domains.claims import claim_keys, domain_of, standing
from mailroom.ids import derived_uuid
from mailroom.mail.addresses import Address
from mailroom.mail.compose import rfc5322_date
from mailroom.mail.entities import Entity, multipart, text_entity
from mailroom.mail.fold import address_field, fold, id_field, text_field
from mailroom.ports import BlobMissing
from mailroom.store.meter import unmetered

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.outbox import Mail
    from local.queues import SqliteQueues
    from mailroom.store.port import ItemStore

QUEUE = "inbound"
MAX_HEAD = 16 * 1024
"""Of the sent mail's header, in bytes."""
MAX_DIAGNOSTIC = 300


Wanted = Callable[["Mail"], bool]


class FeedbackMail(NamedTuple):
    provider_id: str
    raw: bytes
    arrival: Mapping[str, Any]
    """The body of the queue message."""


class _Content(NamedTuple):
    subject: str
    report_type: str
    text: str
    status: Entity


def wanted_by(mail: Mail, *, items: ItemStore, domain: str, default: bool) -> bool:
    """What the custom domain of the sending inbox says now; `default` for the deployment's own."""
    name = domain_of(mail.return_path)
    with unmetered():
        rows = items.batch_get(claim_keys(name, default_domain=domain))
    at = standing(mail.organization_id, name, rows, default_domain=domain)
    return at.claim["feedback"] if at.claim is not None else default and at.receives


def compose(mail: Mail, notices: Sequence[Mapping[str, Any]], blobs: LocalBlobs, *, wanted: Wanted) -> list[FeedbackMail]:
    """One mail for each bounce and complaint among the notices (`local.feedback`). The same notices make the same mails."""
    found = [(each, said) for each in notices if (said := json.loads(each["Message"]))["eventType"] in _CONTENTS]
    if not found or not wanted(mail):
        return []
    head = _head(mail, blobs)
    return [
        _feedback_mail(mail, said, head, unique=str(each["MessageId"]), ts=parse_instant(each["Timestamp"]) // 1000)
        for each, said in found
    ]


def store(mails: Sequence[FeedbackMail], *, blobs: LocalBlobs, queues: SqliteQueues) -> Callable[[sqlite3.Connection], None]:
    """What remains to be done in the transaction that records the fact; who commits it rings the queue afterwards."""
    kept = [(blobs.staged(notice.blob_key(each.provider_id), each.raw), each.arrival) for each in mails]

    def within(connection: sqlite3.Connection) -> None:
        for keep, arrival in kept:
            keep(connection)
            queues.enqueue(connection, QUEUE, arrival, delay_s=DELAY_S)

    return within


def _head(mail: Mail, blobs: LocalBlobs) -> bytes:
    """Whole lines of the sent mail's header. The mail is handed over already: that its blob cannot be read must not undo that."""
    try:
        with blobs.open(mail.blob) as stream:
            start = stream.read(MAX_HEAD)
    except (BlobMissing, OSError):
        return f"Message-ID: {mail.message_id}\r\n".encode()
    end = start.find(b"\r\n\r\n")
    head = start[: end + 2 if end >= 0 else start.rfind(b"\r\n") + 2]
    return head.decode("ascii", "replace").encode("ascii", "replace")


def _feedback_mail(mail: Mail, said: Mapping[str, Any], head: bytes, *, unique: str, ts: int) -> FeedbackMail:
    provider_id = derived_uuid("feedback mail", mail.message_id, unique).replace("-", "")
    raw = _raw(mail, _CONTENTS[said["eventType"]](mail, said), head, unique=unique, ts=ts)
    arrival = notice.arrival(provider_id, sender="", recipients=[mail.return_path], verdicts=notice.PASS, now_ms=ts)
    return FeedbackMail(provider_id, raw, arrival)


def _raw(mail: Mail, content: _Content, head: bytes, *, unique: str, ts: int) -> bytes:
    domain = _domain(mail)
    original = Entity(fold("Content-Type", ["text/rfc822-headers"]), [head])
    parts = [text_entity("plain", content.text, alone=False), content.status, original]
    root = multipart(f"report; report-type={content.report_type}", parts, seed=unique)
    header = [
        fold("Return-Path", ["<>"]),
        address_field("From", [Address("MAILER-DAEMON", domain, "Mail Delivery System")]),
        fold("To", [mail.return_path]),
        text_field("Subject", content.subject),
        fold("Date", [rfc5322_date(ts)]),
        id_field("Message-ID", [f"<feedback.{unique}@{domain}>"]),
        id_field("In-Reply-To", [mail.message_id]),
        id_field("References", [mail.message_id]),
        fold("Auto-Submitted", ["auto-replied"]),
        "MIME-Version: 1.0\r\n",
    ]
    return b"".join(["".join(header).encode("ascii"), *root.pieces()])


def _bounce(mail: Mail, said: Mapping[str, Any]) -> _Content:
    """RFC 3464."""
    failed: list[tuple[str, str, str]] = [
        (each["emailAddress"], each.get("status") or _status(each["diagnosticCode"]), each["diagnosticCode"][:MAX_DIAGNOSTIC])
        for each in said["bounce"]["bouncedRecipients"]
    ]
    about = [fold("Reporting-MTA", ["dns;", _domain(mail)]), fold("Arrival-Date", [rfc5322_date(mail.accepted_at)])]
    groups = [
        [
            fold("Final-Recipient", ["rfc822;", address]),
            fold("Action", ["failed"]),
            fold("Status", [status]),
            text_field("Diagnostic-Code", diagnostic),
        ]
        for address, status, diagnostic in failed
    ]
    lines = [f"{address}\n    {status}: {diagnostic.removeprefix('smtp; ')}" for address, status, diagnostic in failed]
    return _Content(
        "Delivery Status Notification (Failure)",
        "delivery-status",
        "\n\n".join(["Your message was not delivered to:", *lines]) + "\n",
        _fields("message/delivery-status", about, *groups),
    )


def _status(diagnostic: str) -> str:
    """RFC 3464, 2.3.4: there is always one."""
    return "5.0.0" if diagnostic.startswith("smtp; 5") else "4.0.0"


def _complaint(mail: Mail, said: Mapping[str, Any]) -> _Content:
    """RFC 5965: a complaint is no failed delivery."""
    kind = said["complaint"]["complaintFeedbackType"]
    complained = [each["emailAddress"] for each in said["complaint"]["complainedRecipients"]]
    fields = [
        fold("Feedback-Type", [kind]),
        fold("User-Agent", ["Mailroom/1"]),
        fold("Version", ["1"]),
        fold("Original-Mail-From", [f"<{mail.return_path}>"]),
        *(fold("Original-Rcpt-To", [f"<{each}>"]) for each in complained),
        fold("Arrival-Date", [rfc5322_date(mail.accepted_at)]),
    ]
    return _Content(
        "Complaint about a message",
        "feedback-report",
        "\n\n".join([f"Your message was reported ({kind}) by:", *complained]) + "\n",
        _fields("message/feedback-report", fields),
    )


_CONTENTS: Mapping[str, Callable[[Mail, Mapping[str, Any]], _Content]] = {"Bounce": _bounce, "Complaint": _complaint}


def _fields(content_type: str, *groups: Sequence[str]) -> Entity:
    """Groups of fields with an empty line between them."""
    body = "\r\n".join("".join(group) for group in groups)
    return Entity(fold("Content-Type", [content_type]), [body.encode("ascii", "replace")])


def _domain(mail: Mail) -> str:
    return mail.message_id.strip("<>").rpartition("@")[2]
