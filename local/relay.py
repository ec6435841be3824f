"""Delivers the outbox to an SMTP relay: one transaction per mail, later again what the relay puts off, with growing waits."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import smtplib
import threading
from typing import TYPE_CHECKING

from local.outbox import Mail, Outbox, Recipient
from mailroom.clock import Clock
from mailroom.ports import BlobMissing
from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from mailroom.ports import BlobStore

WAITS_S = (5, 30, 120, 600, 1800, 3600, 7200, 14_400)
"""Between attempts; the last one repeats."""
GIVE_UP_MS = 4 * 24 * 3600 * 1000
"""RFC 5321, 4.5.4.1: at least four to five days."""
TIMEOUT_S = 60
_LONGEST_SLEEP_S = 60.0

_log = logging.getLogger(__name__)

Reply = tuple[int, str]

_GONE: Reply = (554, "5.3.0 The mail is gone")
_UNSPEAKABLE: Reply = (553, "5.1.3 Not an address the relay can be given")


class Relay:
    def __init__(
        self,
        host: str,
        port: int,
        *,
        box: Outbox,
        blobs: BlobStore,
        domain: str,
        clock: Clock,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self._host, self._port = host, port
        self._box = box
        self._blobs = blobs
        self._domain = domain
        self._clock = clock
        self._waits_s = waits_s
        self._stopping = threading.Event()
        self._bell = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

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
        if found is None:
            return False
        mail, waiting = found
        try:
            raw = self._blobs.get(mail.blob)
        except BlobMissing:
            replies = dict.fromkeys((each.recipient for each in waiting), _GONE)
        else:
            speakable = [each.recipient for each in waiting if _speakable(each.recipient)]
            replies = dict.fromkeys((each.recipient for each in waiting), _UNSPEAKABLE)
            replies |= self._transact(mail, speakable, raw) if speakable else {}
        changes = [self._outcome(mail, each, replies[each.recipient]) for each in waiting]
        if self._box.record(changes):
            self._blobs.delete([mail.blob])
        return True

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

    def _transact(self, mail: Mail, recipients: list[str], raw: bytes) -> dict[str, Reply]:
        """The relay's answer for each recipient."""
        absent: Reply = (250, "2.0.0 Taken by the relay")
        try:
            refused = self._converse(mail.return_path, recipients, raw)
        except smtplib.SMTPRecipientsRefused as error:
            refused, absent = error.recipients, (421, "4.4.2 The relay ended the session")
        except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
            return dict.fromkeys(recipients, (421, f"4.4.1 The relay does not talk: {error.smtp_code}"))
        except smtplib.SMTPResponseException as error:
            return dict.fromkeys(recipients, (error.smtp_code, _text(error.smtp_error)))
        except ValueError:
            return dict.fromkeys(recipients, _UNSPEAKABLE)
        except (OSError, smtplib.SMTPException) as error:
            return dict.fromkeys(recipients, (421, f"4.4.1 No answer from the relay: {type(error).__name__}"))
        return {each: (refused[each][0], _text(refused[each][1])) if each in refused else absent for each in recipients}

    def _converse(self, sender: str, recipients: list[str], raw: bytes) -> dict[str, tuple[int, bytes]]:
        """The refused recipients. Raises what smtplib raises."""
        smtp = smtplib.SMTP(self._host, self._port, local_hostname=self._domain, timeout=TIMEOUT_S)
        try:
            smtp.ehlo_or_helo_if_needed()
            options = ["BODY=8BITMIME"] if not raw.isascii() and smtp.has_extn("8bitmime") else []
            return smtp.sendmail(sender, recipients, raw, mail_options=options)
        finally:
            # What the relay says to QUIT changes nothing about the mail it took.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()

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


def _speakable(address: str) -> bool:
    """smtplib would quietly cut what it cannot say out of an address."""
    return address.isascii() and address.isprintable() and not {"<", ">"} & set(address)


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
