"""Send, reply, reply-all and forward, in the order of checks of spec/messages.md."""

from __future__ import annotations

from typing import Literal, TypedDict, cast

from mailroom.errors import NotFound, ValidationError
from mailroom.http.endpoint import Request
from mailroom.http.paths import normalized_message_id
from mailroom.mail.addresses import parse_address
from mailroom.mail.forwarding import forward_body
from mailroom.mail.replying import forward_subject, reply_references, reply_subject
from mailroom.messages import audience, idempotency, quota
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import source_files
from mailroom.messages.idempotency import Finished
from mailroom.messages.outgoing import NewMail
from mailroom.messages.record import MessageRecord
from mailroom.messages.requests import MailBody
from mailroom.messages.sender import (
    Sender,
    SendResult,
    admission_reads,
    admit,
    files_of,
    forwarded,
    opened,
    pixel_of,
    require_no_loop,
    result_of,
    send_mail,
    thread_of,
)
from mailroom.store import keys
from mailroom.store.port import Reads
from mailroom.threads.record import ThreadRecord


def reads(o: str, request: Request) -> Reads:
    """Inbox, organization, idempotency row, parent, the parent's bodies, list entries of the recipients given, claims of a custom
    domain: whichever the route has."""
    inbox_id, config = request.path["inbox_id"].lower(), request.runtime.config
    wanted = [keys.inbox(o, inbox_id)]
    if (row := idempotency.row_key(o, request.headers)) is not None:
        wanted.append(row)
    if "message_id" in request.path:
        parent = keys.message(o, inbox_id, normalized_message_id(request.path["message_id"]))
        wanted.append(parent)
        if request.event["resource"].endswith("/forward"):
            wanted.append(keys.body(parent))
    wanted += admission_reads(o, inbox_id, _named(request), config, ahead=True)
    wanted += quota.reads(o, config, request.runtime.clock())
    return Reads(tuple(dict.fromkeys(wanted)))


def _named(request: Request) -> list[str]:
    """The recipients that a body names, as far as it can be understood before it is checked."""
    try:
        sent = request.json()
    except ValidationError:
        return []
    given = [sent.get(name) for name in ("to", "cc", "bcc")]
    values = [each for value in given for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)]
    return [address.bare for address in map(parse_address, values[: request.runtime.config.max_recipients]) if address]


def send(request: Request) -> SendResult:
    """Raises NotFound, ValidationError, Conflict, InboxPaused, Unprocessable, MessageRejected, RateLimited."""
    sender = opened(request, "send")
    if isinstance(sender, Finished):
        return result_of(sender)
    body = _body(request)
    pixel = pixel_of(sender, body.get("track_opens"), body.get("html"))
    whom = audience.given(body)
    admit(sender, whom)
    mail = NewMail(
        audience=whom,
        subject=body.get("subject"),
        text=body.get("text"),
        html=body.get("html"),
        pixel=pixel,
        attachments=files_of(sender, body.get("attachments", ())),
        **_common(body),
    )
    return send_mail(sender, mail, None)


def reply(request: Request) -> SendResult:
    """Raises like `send`."""
    return _answer(request, "reply")


def reply_all(request: Request) -> SendResult:
    """Raises like `send`."""
    return _answer(request, "reply-all")


def forward(request: Request) -> SendResult:
    """Raises like `send`."""
    sender = opened(request, "forward", _parent_id(request))
    if isinstance(sender, Finished):
        return result_of(sender)
    body = _body(request)
    parent = _parent(request, sender)
    thread = _thread(sender, parent)
    whom = audience.given(body)
    text, html = forward_body(forwarded(sender, parent), body.get("text"), body.get("html"))
    pixel = pixel_of(sender, body.get("track_opens"), html)
    admit(sender, whom)
    require_no_loop(sender, None, thread, forced=False)
    mail = NewMail(
        audience=whom,
        subject=body.get("subject") or forward_subject(parent.get("subject")),
        text=text,
        html=html,
        pixel=pixel,
        attachments=[
            *source_files(sender.o, parent, blobs=sender.runtime.blobs),
            *files_of(sender, body.get("attachments", ())),
        ],
        references=reply_references(parent.get("references", ()), parent["message_id"]),
        thread_id=parent["thread_id"],
        **_common(body),
    )
    return send_mail(sender, mail, thread)


def _answer(request: Request, action: Literal["reply", "reply-all"]) -> SendResult:
    sender = opened(request, action, _parent_id(request))
    if isinstance(sender, Finished):
        return result_of(sender)
    body = _body(request)
    pixel = pixel_of(sender, body.get("track_opens"), body.get("html"))
    parent = _parent(request, sender)
    whom = audience.of_reply(body, parent) if action == "reply" else audience.of_reply_all(parent)
    thread = _thread(sender, parent, whom)
    audience.require_few(whom, request.runtime.config.max_recipients)
    admit(sender, whom)
    require_no_loop(sender, parent.get("automatic"), thread, forced=body.get("force", False))
    mail = NewMail(
        audience=whom,
        subject=reply_subject(parent.get("subject")),
        text=body.get("text"),
        html=body.get("html"),
        pixel=pixel,
        attachments=files_of(sender, body.get("attachments", ())),
        in_reply_to=parent["message_id"],
        references=reply_references(parent.get("references", ()), parent["message_id"]),
        thread_id=parent["thread_id"],
        **_common(body),
    )
    return send_mail(sender, mail, thread)


def _body(request: Request) -> MailBody:
    body = cast(MailBody, request.body())
    audience.require_few(audience.given(body), request.runtime.config.max_recipients)
    return body


def _parent_id(request: Request) -> str:
    return normalized_message_id(request.path["message_id"])


def _parent(request: Request, sender: Sender) -> MessageRecord:
    """Raises NotFound for a message that is unknown or hidden from the caller."""
    row = sender.items.get(keys.message(sender.o, sender.inbox["inbox_id"], _parent_id(request)))
    if row is None:
        raise NotFound
    parent = cast(MessageRecord, row)
    request.caller.require_visible(parent["labels"])
    return parent


def _thread(sender: Sender, parent: MessageRecord, whom: Audience | None = None) -> ThreadRecord:
    """The parent's. Raises NotFound where it is gone or being deleted."""
    thread = thread_of(sender, parent["thread_id"], whom)
    if thread is None or thread.get("deleting"):
        raise NotFound
    return thread


class _Common(TypedDict):
    reply_to: list[str]
    labels: list[str]
    headers: dict[str, str]


def _common(body: MailBody) -> _Common:
    return _Common(reply_to=body.get("reply_to", []), labels=body.get("labels", []), headers=body.get("headers", {}))
