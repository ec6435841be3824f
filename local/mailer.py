"""The mailer of one machine. Accepting a mail is one durable write; inboxes of this deployment get it in that same write, everybody
else by the delivery that follows (`local.delivery`). What is known about the mail then is said in the same write, as SES would."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from local import feedback, feedback_mail, notice, outbox, simulator
from local.addresses import Kind, classify
from local.feedback import Failed
from local.simulator import is_simulated
from mailroom.clock import Clock
from mailroom.ids import derived_uuid, uuid7
from mailroom.store.meter import unmetered

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.outbox import Outbox
    from local.queues import SqliteQueues
    from local.signing import Signer
    from local.store.database import Database
    from mailroom.ports import OutgoingMail
    from mailroom.store.port import ItemStore

_Kind = Kind | Literal["simulated"]

_MESSAGE_ID = re.compile(rb"(?im)^message-id[ \t]*:[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n")
_END_OF_HEADERS = b"\r\n\r\n"

_TAKEN_HERE = "250 2.1.5 Delivered to an inbox here"
_NOBODY = "550 5.1.1 No such address here"


class LocalMailer:
    """Implements `ports.Mailer`."""

    def __init__(
        self,
        *,
        database: Database,
        box: Outbox,
        blobs: LocalBlobs,
        queues: SqliteQueues,
        items: ItemStore,
        domain: str,
        hand_over: Callable[[outbox.Mail], object],
        clock: Clock,
        signer: Signer,
        mails_feedback: feedback_mail.Wanted,
    ) -> None:
        """`hand_over` is told of an accepted mail that has recipients elsewhere. `mails_feedback`: whether a mail's bounces and
        complaints are also mailed into the inbox that sent it."""
        self._database = database
        self._box = box
        self._blobs = blobs
        self._queues = queues
        self._items = items
        self._domain = domain
        self._hand_over = hand_over
        self._signer = signer
        self._mails_feedback = mails_feedback
        self._clock = clock

    def accepted(self, intent_id: str) -> str | None:
        found = self._box.find(intent_id)
        return None if found is None else found.message_id

    def send(self, mail: OutgoingMail) -> str:
        """The same intent again returns the first Message-ID and sends nothing. Raises MailerRefused for what cannot be signed,
        OSError or StoreBusy where storage fails."""
        if (known := self.accepted(mail.intent_id)) is not None:
            return known
        unique = uuid7(self._clock())
        message_id = f"<{unique}@{self._domain}>"
        with unmetered():
            raw, bounces_to = self._signer.prepare(mail, with_message_id(mail.raw, message_id))
        record = outbox.Mail(
            mail.intent_id, message_id, mail.organization_id, mail.return_path, f"outbox/{unique}.eml", self._clock(), bounces_to
        )
        self._blobs.put(record.blob, raw, content_type="message/rfc822")
        return self._accept(record, mail.recipients)

    def _accept(self, record: outbox.Mail, recipients: tuple[str, ...]) -> str:
        with unmetered():
            kinds = {each: self._kind(each) for each in recipients}
        by_kind = {kind: [each for each in recipients if kinds[each] == kind] for kind in kinds.values()}
        away = by_kind.get("foreign", ())
        arrivals = self._arrivals(record, by_kind)
        rows = [self._row(record, each, kinds[each]) for each in recipients]
        notices = _notices(record, recipients, by_kind)
        mails = feedback_mail.compose(record, notices, self._blobs, wanted=self._mails_feedback)
        keep_mails = feedback_mail.store(mails, blobs=self._blobs, queues=self._queues)

        def work(connection: sqlite3.Connection) -> bool:
            if not outbox.insert(connection, record, rows):
                return False
            for arrival in arrivals.values():
                self._queues.enqueue(connection, "inbound", arrival)
            for each in notices:
                self._queues.enqueue(connection, feedback.QUEUE, each, delay_s=feedback.DELAY_S)
            keep_mails(connection)
            return True

        if not self._database.write(work):
            return self._lost_race(record, arrivals)
        self._queues.ring(feedback.QUEUE)
        if arrivals or mails:
            self._queues.ring("inbound")
        if away:
            self._hand_over(record)
        else:
            self._blobs.delete([record.blob])
        return record.message_id

    def _kind(self, recipient: str) -> _Kind:
        return "simulated" if is_simulated(recipient) else classify(recipient, items=self._items, domain=self._domain)

    def _row(self, record: outbox.Mail, recipient: str, kind: _Kind) -> outbox.Recipient:
        state: outbox.State = "accepted"
        reply = ""
        if kind == "inbox":
            state, reply = "delivered", _TAKEN_HERE
        elif kind == "unknown":
            state, reply = "bounced", _NOBODY
        elif kind == "simulated":
            state, reply = simulator.outcome(recipient)
        return outbox.Recipient(record.intent_id, recipient, state, 0, 0, reply, record.accepted_at)

    def _arrivals(self, record: outbox.Mail, by_kind: Mapping[_Kind, list[str]]) -> dict[str, dict[str, Any]]:
        """Notices of the mails that this one brings into inboxes here, by the blobs that are laid down for them."""
        found: dict[str, dict[str, Any]] = {}
        if here := by_kind.get("inbox"):
            provider_id = _derived_id("local delivery", record.message_id)
            self._blobs.copy(record.blob, notice.blob_key(provider_id))
            found[notice.blob_key(provider_id)] = _arrival(provider_id, record, sender=record.return_path, recipients=here)
        for index, raw in enumerate(simulator.answers(record, by_kind.get("simulated", ()))):
            provider_id = _derived_id("simulated answer", record.message_id, str(index))
            self._blobs.put(notice.blob_key(provider_id), raw, content_type="message/rfc822")
            found[notice.blob_key(provider_id)] = _arrival(provider_id, record, sender="", recipients=[record.return_path])
        return found

    def _lost_race(self, record: outbox.Mail, blobs: Iterable[str]) -> str:
        """The same intent was accepted by another thread meanwhile."""
        self._blobs.delete([record.blob, *blobs])
        first = self._box.find(record.intent_id)
        assert first is not None
        return first.message_id


def _notices(record: outbox.Mail, recipients: Sequence[str], by_kind: Mapping[_Kind, list[str]]) -> list[dict[str, Any]]:
    """All that is known about the mail as soon as it is accepted."""
    found, ts = [feedback.sent(record, recipients)], record.accepted_at
    if here := by_kind.get("inbox"):
        found.append(feedback.delivery(record, here, reply=_TAKEN_HERE, ts=ts))
    found += feedback.bounces(record, [Failed(each, _NOBODY) for each in by_kind.get("unknown", ())], ts=ts)
    return found + simulator.notices(record, by_kind.get("simulated", ()), ts=ts)


def _arrival(provider_id: str, record: outbox.Mail, *, sender: str, recipients: Sequence[str]) -> dict[str, Any]:
    return notice.arrival(provider_id, sender=sender, recipients=recipients, verdicts=notice.PASS, now_ms=record.accepted_at)


def _derived_id(*parts: str) -> str:
    return derived_uuid(*parts).replace("-", "")


def with_message_id(raw: bytes, message_id: str) -> bytes:
    """The mail with this Message-ID instead of the one it has, in the same place; every other byte as it was."""
    end = raw.find(_END_OF_HEADERS)
    split = 0 if raw.startswith(b"\r\n") else len(raw) if end < 0 else end + 2
    line = b"Message-ID: " + message_id.encode("ascii") + b"\r\n"
    head, count = _MESSAGE_ID.subn(lambda _: line, raw[:split], count=1)
    return (head if count else line + head) + raw[split:]
