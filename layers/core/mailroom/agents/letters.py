"""The mail that carries a code to the human."""

from __future__ import annotations

from html import escape

from mailroom import log
from mailroom.agents.codes import NewCode
from mailroom.errors import MailroomError, MessageRejected, RateLimited, ServiceUnavailable
from mailroom.mail.compose import Composition, compose
from mailroom.outbound.ses import SERVICE_MAIL
from mailroom.ports import MailerRefused, MailerThrottled, OutgoingMail
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Change, ConditionFailed, Equals, Remove, Set, StoreError

SENDER = "postmaster"
"""A name that no inbox can have: an answer to the mail, which quotes the code, must not arrive at an agent."""

_TEXT = """\
The agent with the address {inbox} names you as the person who answers for it.

If that is right, give it this code:

    {code}

The code is valid for 24 hours. Until then the agent can write to nobody but you.
If you know of no such agent, ignore this mail.
"""
_HTML = """\
<p>The agent with the address <b>{inbox}</b> names you as the person who answers for it.</p>
<p>If that is right, give it this code:</p>
<p style="font-size:2em;letter-spacing:0.2em"><b>{code}</b></p>
<p>The code is valid for 24 hours. Until then the agent can write to nobody but you.<br>
If you know of no such agent, ignore this mail.</p>
"""


def mail_code(o: str, human: str, inbox_id: str, code: NewCode, *, runtime: Runtime) -> None:
    """When the code is stored; whether its mail left is noted with it. Raises RateLimited, MessageRejected, ServiceUnavailable:
    then the code may be asked for again at once."""
    try:
        runtime.mailer.send(_mail(o, human, inbox_id, code, runtime=runtime))
    except Exception as raised:
        _note(o, code, Set("code_due", 0), runtime=runtime)
        raise _mapped(raised) from raised
    _note(o, code, Remove("code_due"), runtime=runtime)


def try_to_mail(o: str, human: str, inbox_id: str, code: NewCode, *, runtime: Runtime) -> None:
    """For a caller who must have his answer in any case."""
    try:
        mail_code(o, human, inbox_id, code, runtime=runtime)
    except MailroomError as error:
        log.logger.warning("code not mailed", organization_id=o, code=error.code)


def _mail(o: str, human: str, inbox_id: str, code: NewCode, *, runtime: Runtime) -> OutgoingMail:
    domain = runtime.config.domain
    sender, intent_id = f"{SENDER}@{domain}", SERVICE_MAIL + code.code_id
    raw = compose(
        Composition(
            from_=f"Mailroom <{sender}>",
            message_id=f"<{intent_id}@{domain}>",
            date_ms=runtime.clock(),
            seed=intent_id,
            to=[human],
            subject=f"The code for {inbox_id}",
            text=_TEXT.format(inbox=inbox_id, code=code.text),
            html=_HTML.format(inbox=escape(inbox_id), code=code.text),
            headers={"Auto-Submitted": "auto-generated"},
        )
    )
    return OutgoingMail(intent_id, sender, (human,), raw, o)


def _note(o: str, code: NewCode, change: Change, *, runtime: Runtime) -> None:
    """What cannot be noted is taken up when its time is over: the human gets another code then, and until then this one holds."""
    try:
        runtime.items.update(keys.organization(o), (change,), Equals("code_id", code.code_id))
    except ConditionFailed:
        return
    except StoreError:
        log.logger.exception("mail of a code not noted", organization_id=o)


def _mapped(raised: Exception) -> MailroomError:
    if isinstance(raised, MailerThrottled):
        return RateLimited("The mail provider is busy", retry_after=raised.retry_after)
    if isinstance(raised, MailerRefused):
        return MessageRejected(str(raised), fix="Name an address that the mail provider delivers to.")
    log.logger.error("outcome of a code's mail unknown", error=type(raised).__name__)
    return ServiceUnavailable(retry_after=1)
