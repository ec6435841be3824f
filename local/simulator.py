"""The SES mailbox simulator on one machine: addresses that behave as they do on SES, and are never written to (design: flows.md).

Labels (`bounce+x@`) make more addresses of each kind. As our suppression follows from bounces and complaints (spec: lists.md), an
address of those kinds can be written to once in an organization; a label makes a fresh one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from local import feedback
from local.feedback import Failed

if TYPE_CHECKING:
    from local.outbox import Mail

DOMAIN = "simulator.amazonses.com"

Scenario = Literal["success", "bounce", "complaint", "suppressionlist", "ooto"]

_TAKEN = "250 2.6.0 Message received"
_UNKNOWN = "550 5.1.1 user unknown"
_SUPPRESSED = "550 5.1.1 Not sent, the address is on the account's suppression list"


class _Behaviour(NamedTuple):
    delivered: bool
    reply: str
    bounce: tuple[str, str] | None = None
    """Type and sub-type."""
    complains: bool = False
    answers: bool = False


_BEHAVIOURS: dict[str, _Behaviour] = {
    "success": _Behaviour(True, _TAKEN),
    "bounce": _Behaviour(False, _UNKNOWN, bounce=("Permanent", "General")),
    "complaint": _Behaviour(True, _TAKEN, complains=True),
    "suppressionlist": _Behaviour(False, _SUPPRESSED, bounce=("Permanent", "OnAccountSuppressionList")),
    "ooto": _Behaviour(True, _TAKEN, answers=True),
}


def is_simulated(address: str) -> bool:
    return address.rpartition("@")[2].lower() == DOMAIN


def outcome(address: str) -> tuple[Literal["delivered", "bounced"], str]:
    """Of a simulated address: the recipient's state, and the reply that led to it."""
    behaviour = _of(address)
    return ("delivered" if behaviour.delivered else "bounced"), behaviour.reply


def notices(mail: Mail, recipients: Sequence[str], *, ts: int) -> list[dict[str, Any]]:
    """What the provider says of simulated recipients: bodies of queue messages."""
    delivered = [each for each in recipients if _of(each).delivered]
    complaining = [each for each in recipients if _of(each).complains]
    bounced: dict[tuple[str, str], list[Failed]] = {}
    for each in recipients:
        if (kind := _of(each).bounce) is not None:
            bounced.setdefault(kind, []).append(Failed(each, _of(each).reply))
    found = [feedback.delivery(mail, delivered, reply=_TAKEN, ts=ts)] if delivered else []
    found += [feedback.bounce(mail, group, kind=kind, sub_type=sub, ts=ts) for (kind, sub), group in bounced.items()]
    return found + ([feedback.complaint(mail, complaining, ts=ts)] if complaining else [])


def answers(mail: Mail, recipients: Iterable[str]) -> list[bytes]:
    """The raw mails that automatic repliers among the recipients write back (RFC 3834)."""
    return [_out_of_office(mail, each) for each in recipients if _of(each).answers]


def _of(address: str) -> _Behaviour:
    """Nobody else lives there."""
    name = address.rpartition("@")[0].partition("+")[0].lower()
    return _BEHAVIOURS.get(name, _BEHAVIOURS["bounce"])


def _out_of_office(mail: Mail, address: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = address, mail.return_path
    message["Subject"] = "Out of the office"
    message["Date"] = formatdate(mail.accepted_at / 1000)
    unique = mail.message_id.strip("<>").partition("@")[0]
    message["Message-ID"] = f"<ooto.{unique}@{DOMAIN}>"
    message["In-Reply-To"] = message["References"] = mail.message_id
    message["Auto-Submitted"] = "auto-replied"
    message.set_content("I am out of the office.\n")
    return message.as_bytes().replace(b"\n", b"\r\n")
