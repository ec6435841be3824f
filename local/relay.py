"""The transport to an SMTP relay: one transaction per mail, every byte as it is."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.delivery import Reply
    from local.outbox import Mail

TIMEOUT_S = 60

_UNSPEAKABLE = (553, "5.1.3 Not an address the relay can be given")


class Relay:
    """A `delivery.Transport`."""

    def __init__(self, host: str, port: int, *, domain: str) -> None:
        """`domain` is how we say hello."""
        self._host, self._port = host, port
        self._domain = domain

    def __call__(self, mail: Mail, recipients: Sequence[str], raw: bytes) -> dict[str, Reply]:
        speakable = [each for each in recipients if _speakable(each)]
        replies = dict.fromkeys(recipients, _UNSPEAKABLE)
        return replies | self._transact(mail, speakable, raw) if speakable else replies

    def _transact(self, mail: Mail, recipients: list[str], raw: bytes) -> dict[str, Reply]:
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


def _speakable(address: str) -> bool:
    """smtplib would quietly cut what it cannot say out of an address."""
    return address.isascii() and address.isprintable() and not {"<", ">"} & set(address)


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
