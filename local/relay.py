"""The transport to an SMTP relay: one transaction per mail, every byte as it is."""

from __future__ import annotations

import contextlib
import smtplib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from local.feedback import enhanced_status

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
            refused = self._converse(mail, recipients, raw)
        except smtplib.SMTPRecipientsRefused as error:
            refused, absent = error.recipients, (421, "4.4.2 The relay ended the session")
        except (smtplib.SMTPConnectError, smtplib.SMTPHeloError) as error:
            return dict.fromkeys(recipients, (421, f"4.4.1 The relay does not talk: {error.smtp_code}"))
        except smtplib.SMTPSenderRefused as error:
            return dict.fromkeys(recipients, (error.smtp_code, _with_status(_text(error.smtp_error), error.smtp_code, "7.0")))
        except smtplib.SMTPResponseException as error:
            return dict.fromkeys(recipients, (error.smtp_code, _with_status(_text(error.smtp_error), error.smtp_code, "6.0")))
        except ValueError:
            return dict.fromkeys(recipients, _UNSPEAKABLE)
        except (OSError, smtplib.SMTPException) as error:
            return dict.fromkeys(recipients, (421, f"4.4.1 No answer from the relay: {type(error).__name__}"))
        return {each: (refused[each][0], _text(refused[each][1])) if each in refused else absent for each in recipients}

    def _converse(self, mail: Mail, recipients: list[str], raw: bytes) -> dict[str, tuple[int, bytes]]:
        """The refused recipients. Raises what smtplib raises."""
        smtp = smtplib.SMTP(self._host, self._port, local_hostname=self._domain, timeout=TIMEOUT_S)
        try:
            smtp.ehlo_or_helo_if_needed()
            options = ["BODY=8BITMIME"] if not raw.isascii() and smtp.has_extn("8bitmime") else []
            if smtp.has_extn("dsn"):
                # Reports name the send then, and need not bring the mail back (RFC 3461, 4.3 and 4.4).
                options += ["RET=HDRS", f"ENVID={mail.intent_id}"]
            return smtp.sendmail(mail.envelope_sender, recipients, raw, mail_options=options)
        finally:
            # What the relay says to QUIT changes nothing about the mail it took.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                smtp.quit()
            smtp.close()


def _speakable(address: str) -> bool:
    """smtplib would quietly cut what it cannot say out of an address."""
    return address.isascii() and address.isprintable() and not {"<", ">"} & set(address)


def _with_status(text: str, code: int, detail: str) -> str:
    """What refuses the sender or the content says so even where it gives no status (RFC 3463): it is not about the recipients."""
    return text if enhanced_status(text) else f"{code // 100}.{detail} {text}"


def _text(answer: bytes | str) -> str:
    return answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
