"""Who a mail goes to (spec: messages.md, "Reply")."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from mailroom.errors import Unprocessable, ValidationError
from mailroom.mail.addresses import bare, check_address, parse_address, strip_plus
from mailroom.messages.record import MessageRecord
from mailroom.messages.requests import MailBody


class Audience(NamedTuple):
    """`a@b` or `Name <a@b>`, each address once."""

    to: list[str]
    cc: list[str]
    bcc: list[str]

    def envelope(self) -> tuple[str, ...]:
        """Bare addresses."""
        return tuple(check_address(each).bare for each in (*self.to, *self.cc, *self.bcc))


def given(body: MailBody) -> Audience:
    return _unique(body.get("to", ()), body.get("cc", ()), body.get("bcc", ()))


def of_reply(body: MailBody, parent: MessageRecord) -> Audience:
    """Given recipients replace the derived ones; cc or bcc alone keep the derived `to`."""
    if body.get("reply_all"):
        return of_reply_all(parent)
    return _unique(body.get("to") or _target(parent), body.get("cc", ()), body.get("bcc", ()))


def of_reply_all(parent: MessageRecord) -> Audience:
    """The target and everybody else but the inbox itself; the inbox where nobody is left (a note to self)."""
    inbox_id = parent["inbox_id"]
    everybody = _unique(
        _others([*_target(parent), *_readable(parent["to"])], inbox_id), _others(_readable(parent.get("cc", ())), inbox_id), ()
    )
    return everybody if everybody.to or everybody.cc else Audience([inbox_id], [], [])


def require_few(audience: Audience, limit: int) -> None:
    """Raises ValidationError for too many recipients."""
    if len(audience.envelope()) > limit:
        raise ValidationError.at("to", f"At most {limit} recipients over to, cc and bcc")


def require_any(audience: Audience) -> None:
    """Raises Unprocessable where there is nobody to send to."""
    if not audience.envelope():
        raise Unprocessable("The message has no recipients", fix="Give at least one address in to, cc or bcc.")


def _target(parent: MessageRecord) -> list[str]:
    """Who an answer goes to by default."""
    if "sent" in parent["labels"]:
        return _readable(parent["to"])
    return _readable(parent.get("reply_to", ())) or _readable([parent["from"]])


def _readable(values: Iterable[str]) -> list[str]:
    """Received mail may name recipients that no mail can be sent to."""
    return [address.render() for address in map(parse_address, values) if address is not None]


def _others(values: Iterable[str], inbox_id: str) -> list[str]:
    return [each for each in values if strip_plus(bare(each)) != inbox_id]


def _unique(to: Iterable[str], cc: Iterable[str], bcc: Iterable[str]) -> Audience:
    seen: set[str] = set()

    def new(values: Iterable[str]) -> list[str]:
        kept = []
        for value in values:
            if bare(value) not in seen:
                seen.add(bare(value))
                kept.append(value)
        return kept

    return Audience(new(to), new(cc), new(bcc))
