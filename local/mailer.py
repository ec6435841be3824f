"""The mailer of one machine. Accepting a mail is one durable write; inboxes of this deployment get it in that same write, everybody
else by the delivery that follows (`local.delivery`)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from local import notice, outbox
from local.addresses import Kind, classify
from mailroom.clock import Clock
from mailroom.ids import derived_uuid, uuid7
from mailroom.store.meter import unmetered

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.outbox import Outbox
    from local.queues import SqliteQueues
    from local.store.database import Database
    from mailroom.ports import OutgoingMail
    from mailroom.store.port import ItemStore

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
    ) -> None:
        """`hand_over` is told of an accepted mail that has recipients elsewhere."""
        self._database = database
        self._box = box
        self._blobs = blobs
        self._queues = queues
        self._items = items
        self._domain = domain
        self._hand_over = hand_over
        self._clock = clock

    def accepted(self, intent_id: str) -> str | None:
        found = self._box.find(intent_id)
        return None if found is None else found.message_id

    def send(self, mail: OutgoingMail) -> str:
        """The same intent again returns the first Message-ID and sends nothing. Raises OSError or StoreBusy where storage fails."""
        if (known := self.accepted(mail.intent_id)) is not None:
            return known
        unique = uuid7(self._clock())
        message_id = f"<{unique}@{self._domain}>"
        record = outbox.Mail(
            mail.intent_id, message_id, mail.organization_id, mail.return_path, f"outbox/{unique}.eml", self._clock()
        )
        self._blobs.put(record.blob, with_message_id(mail.raw, message_id), content_type="message/rfc822")
        return self._accept(record, mail.recipients)

    def _accept(self, record: outbox.Mail, recipients: tuple[str, ...]) -> str:
        with unmetered():
            kinds = {each: classify(each, items=self._items, domain=self._domain) for each in recipients}
        here = [each for each in recipients if kinds[each] == "inbox"]
        away = [each for each in recipients if kinds[each] == "foreign"]
        provider_id = derived_uuid("local delivery", record.message_id).replace("-", "")
        if here:
            self._blobs.copy(record.blob, notice.blob_key(provider_id))
        rows = [self._row(record, each, kinds[each]) for each in recipients]

        def work(connection: sqlite3.Connection) -> bool:
            new = outbox.insert(connection, record, rows)
            if new and here:
                self._queues.enqueue(connection, "inbound", self._arrival(provider_id, record, here))
            return new

        if not self._database.write(work):
            return self._lost_race(record, provider_id)
        if here:
            self._queues.ring("inbound")
        if away:
            self._hand_over(record)
        else:
            self._blobs.delete([record.blob])
        return record.message_id

    def _row(self, record: outbox.Mail, recipient: str, kind: Kind) -> outbox.Recipient:
        state: outbox.State = "accepted"
        reply = ""
        if kind == "inbox":
            state, reply = "delivered", _TAKEN_HERE
        elif kind == "unknown":
            state, reply = "bounced", _NOBODY
        return outbox.Recipient(record.intent_id, recipient, state, 0, 0, reply, record.accepted_at)

    def _arrival(self, provider_id: str, record: outbox.Mail, recipients: list[str]) -> dict[str, object]:
        return notice.arrival(
            provider_id,
            sender=record.return_path,
            recipients=recipients,
            verdicts=notice.PASS,
            now_ms=record.accepted_at,
        )

    def _lost_race(self, record: outbox.Mail, provider_id: str) -> str:
        """The same intent was accepted by another thread meanwhile."""
        self._blobs.delete([record.blob, notice.blob_key(provider_id)])
        first = self._box.find(record.intent_id)
        assert first is not None
        return first.message_id


def with_message_id(raw: bytes, message_id: str) -> bytes:
    """The mail with this Message-ID instead of the one it has, in the same place; every other byte as it was."""
    end = raw.find(_END_OF_HEADERS)
    split = 0 if raw.startswith(b"\r\n") else len(raw) if end < 0 else end + 2
    line = b"Message-ID: " + message_id.encode("ascii") + b"\r\n"
    head, count = _MESSAGE_ID.subn(lambda _: line, raw[:split], count=1)
    return (head if count else line + head) + raw[split:]
