"""Works the outbox off: hands each mail to a transport, again later what that puts off, with growing waits."""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from local import feedback, feedback_mail
from local.feedback import Failed
from local.outbox import Mail, Outbox, Recipient
from mailroom.clock import Clock
from mailroom.ports import BlobMissing
from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.queues import SqliteQueues

Reply = tuple[int, str]
"""SMTP's code, and the text behind it."""
Transport = Callable[[Mail, Sequence[str], bytes], dict[str, Reply]]
"""(mail, recipients, raw) -> the answer for each recipient. Raises OSError where it is to be tried again. It may see the same mail
again after a crash between its answer and the record of it."""

WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)
"""Between attempts; the last one repeats."""
GIVE_UP_MS = 4 * 24 * 3600 * 1000
"""RFC 5321, 4.5.4.1: at least four to five days."""

_LONGEST_SLEEP_S = 60.0
_GONE: Reply = (554, "5.3.0 The mail is gone")

_log = logging.getLogger(__name__)


class Deliverer:
    def __init__(
        self,
        transport: Transport,
        *,
        box: Outbox,
        blobs: LocalBlobs,
        queues: SqliteQueues,
        clock: Clock,
        mails_feedback: feedback_mail.Wanted,
        waits_s: Sequence[float] = WAITS_S,
    ) -> None:
        """`mails_feedback`: whether a mail's bounces are also mailed into the inbox that sent it."""
        self._transport = transport
        self._box = box
        self._blobs = blobs
        self._queues = queues
        self._clock = clock
        self._mails_feedback = mails_feedback
        self._waits_s = waits_s
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._bell.set()

    def stop(self) -> None:
        self._stopping.set()
        self._bell.set()
        # A relay that hangs must not hold up the end: what is not recorded is tried again after the next start.
        self._thread.join(2)

    def deliver_due(self) -> bool:
        """Tries one mail that is due; False if there is none."""
        found = self._box.due(self._clock())
        if found is not None:
            self._deliver(*found)
        return found is not None

    def deliver(self, mail: Mail) -> None:
        """Tries a mail at once, in the caller's thread. It is accepted already: what fails is left to the next attempt."""
        try:
            self._deliver(mail, self._box.open(mail.intent_id))
        except (OSError, StoreBusy):
            _log.exception("delivery is put off")
            self.wake()

    def _deliver(self, mail: Mail, waiting: Sequence[Recipient]) -> None:
        replies = self._replies(mail, [each.recipient for each in waiting])
        after = [self._outcome(mail, each, replies[each.recipient]) for each in waiting]
        notices = _notices(mail, after, ts=self._clock())
        mails = feedback_mail.compose(mail, notices, self._blobs, wanted=self._mails_feedback)
        keep_mails = feedback_mail.store(mails, blobs=self._blobs, queues=self._queues)

        def announce(connection: sqlite3.Connection) -> None:
            for each in notices:
                self._queues.enqueue(connection, feedback.QUEUE, each, delay_s=feedback.DELAY_S)
            keep_mails(connection)

        if self._box.record(after, announce):
            self._blobs.delete([mail.blob])
        if notices:
            self._queues.ring(feedback.QUEUE)
        if mails:
            self._queues.ring(feedback_mail.QUEUE)

    def _replies(self, mail: Mail, recipients: Sequence[str]) -> dict[str, Reply]:
        try:
            return self._transport(mail, recipients, self._blobs.get(mail.blob))
        except BlobMissing:
            return dict.fromkeys(recipients, _GONE)
        except OSError as error:
            return dict.fromkeys(recipients, (421, f"4.4.1 Not reached: {type(error).__name__}"))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._bell.clear()
            try:
                if not self.deliver_due():
                    self._bell.wait(self._sleep_s())
            except (OSError, StoreBusy):
                _log.exception("outbox unavailable")
                self._stopping.wait(1)

    def _sleep_s(self) -> float:
        due = self._box.next_due()
        return _LONGEST_SLEEP_S if due is None else min(max((due - self._clock()) / 1000, 0.01), _LONGEST_SLEEP_S)

    def _outcome(self, mail: Mail, before: Recipient, reply: Reply) -> Recipient:
        code, text = reply
        now = self._clock()
        after = dataclasses.replace(before, attempts=before.attempts + 1, reply=f"{code} {text}", changed_at=now)
        if 200 <= code < 300:
            return dataclasses.replace(after, state="delivered")
        if code >= 500 or now - mail.accepted_at > GIVE_UP_MS:
            return dataclasses.replace(after, state="bounced")
        wait = self._waits_s[min(before.attempts, len(self._waits_s) - 1)]
        return dataclasses.replace(after, state="deferred", due=now + int(wait * 1000))


def _notices(mail: Mail, after: Sequence[Recipient], *, ts: int) -> list[dict[str, Any]]:
    """What an attempt means for its recipients: delivered, bounced, or put off for the first time."""
    delivered = [each for each in after if each.state == "delivered"]
    failures = [Failed(each.recipient, each.reply, not each.reply.startswith("5")) for each in after if each.state == "bounced"]
    delayed = {each.recipient: each.reply for each in after if each.state == "deferred" and each.attempts == 1}
    notices = feedback.bounces(mail, failures, ts=ts)
    if delivered:
        notices.append(feedback.delivery(mail, [each.recipient for each in delivered], reply=delivered[0].reply, ts=ts))
    if delayed:
        notices.append(feedback.delay(mail, delayed, ts=ts))
    return notices
