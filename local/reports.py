"""Delivery status reports that come back by SMTP (RFC 3464), and what of them can be believed.

Anybody can write a report. So one counts only where it comes from the null sender to the inbox that sent the mail, names the mail
by an id that only its receivers can know, and is about somebody that very mail was sent to. It counts once.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from local import feedback, outbox
from local.addresses import normalized
from local.feedback import Failed
from mailroom.mail.fields import Header, read_header
from mailroom.mail.limits import Budget, Limits
from mailroom.mail.msgids import message_ids
from mailroom.mail.tree import Part, children, read_part

MAX_RECIPIENTS = 100

_LIMITS = Limits(raw_bytes=1024 * 1024, parts=20, depth=2, header_lines=2_000, decoded_bytes=1024 * 1024, seconds=2.0)
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_GROUP_END = re.compile(rb"\r?\n[ \t]*\r?\n")

_log = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """On one recipient. `reply` begins with the status where there is one."""

    recipients: tuple[str, ...]
    """The final and the original address."""
    action: str
    """failed, delayed, delivered, relayed, expanded."""
    reply: str


class Report(NamedTuple):
    names: tuple[str, ...]
    """Message-IDs and envelope ids of the reported mail."""
    verdicts: tuple[Verdict, ...]


def read(raw: bytes, sender: str) -> Report | None:
    """None for a mail that is no report. Never raises."""
    if sender:
        return None
    try:
        return _read(raw)
    except Exception:  # noqa: BLE001 - the mail is accepted whatever it holds
        _log.exception("report not read")
        return None


def settle(connection: sqlite3.Connection, report: Report, recipients: Sequence[str], *, now_ms: int) -> list[dict[str, Any]]:
    """Notes the bounces of a report that arrived for `recipients`; the notices of what it says, as bodies of queue messages."""
    found = outbox.sent_as(connection, report.names)
    if found is None:
        return []
    mail, sent_to = found
    if {mail.return_path.lower(), mail.envelope_sender.lower()}.isdisjoint(map(normalized, recipients)):
        return []
    failures: list[Failed] = []
    delayed: dict[str, str] = {}
    for row, verdict in _matched(sent_to, report.verdicts):
        if verdict.action == "failed" and row.state in ("accepted", "delivered"):
            outbox.note_bounce(connection, mail.intent_id, row.recipient, verdict.reply, now_ms)
            failures.append(Failed(row.recipient, verdict.reply, verdict.reply.startswith("4")))
        elif verdict.action == "delayed" and row.state == "delivered":
            delayed[row.recipient] = verdict.reply
    notices = feedback.bounces(mail, failures, ts=now_ms)
    return [*notices, feedback.delay(mail, delayed, ts=now_ms)] if delayed else notices


def _matched(sent_to: Sequence[outbox.Recipient], verdicts: Sequence[Verdict]) -> Iterator[tuple[outbox.Recipient, Verdict]]:
    """Each recipient of the mail with the first verdict on them."""
    for row in sent_to:
        for verdict in verdicts:
            if row.recipient.lower() in verdict.recipients:
                yield row, verdict
                break


def _read(raw: bytes) -> Report | None:
    raw = raw[: _LIMITS.raw_bytes]
    budget = Budget(_LIMITS, [])
    root = read_part(raw, 0, len(raw), budget=budget)
    if root.content_type != "multipart/report" or root.params.get("report-type", "").lower() != "delivery-status":
        return None
    names: list[str] = []
    verdicts: list[Verdict] = []
    for part in children(root, budget) or ():
        if part.content_type in ("message/delivery-status", "message/global-delivery-status"):
            about, *groups = _groups(part, budget)
            names += [name for name in [_value(about, "original-envelope-id")] if name]
            verdicts += [_verdict(group) for group in groups]
        elif part.content_type in ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"):
            header, _ = read_header(raw, part.start, part.end, budget)
            names += message_ids(header.all("message-id"))[:1]
    return Report(tuple(names[:4]), tuple(verdicts)) if names and verdicts else None


def _groups(part: Part, budget: Budget) -> list[Header]:
    """The blocks of fields: one about the mail, one for each recipient."""
    blocks = [block for block in _GROUP_END.split(part.body(), MAX_RECIPIENTS + 1) if block.strip()][: MAX_RECIPIENTS + 1]
    return [read_header(block.lstrip(), 0, len(block.lstrip()), budget)[0] for block in blocks] or [Header(())]


def _verdict(group: Header) -> Verdict:
    addresses = (_value(group, name).rpartition(";")[2].strip(" <>").lower() for name in ("final-recipient", "original-recipient"))
    status = _STATUS.match(_value(group, "status"))
    diagnostic = _value(group, "diagnostic-code").partition(";")[2].strip()
    return Verdict(
        recipients=tuple(address for address in addresses if "@" in address),
        action=_value(group, "action").lower(),
        reply=" ".join(filter(None, (status[0] if status else "", diagnostic))) or "Not delivered",
    )


def _value(header: Header, name: str) -> str:
    return " ".join((header.first(name) or b"").decode("utf-8", "replace").split())[:500]
