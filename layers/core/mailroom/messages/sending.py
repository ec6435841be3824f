"""Send, reply, reply-all and forward, in the order of checks of spec/messages.md."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypedDict, cast

from mailroom.errors import InboxPaused, NotFound, ValidationError
from mailroom.http.endpoint import Request
from mailroom.http.paths import normalized_message_id
from mailroom.inboxes.access import require_inbox
from mailroom.inboxes.record import InboxRecord
from mailroom.lists import suppression
from mailroom.mail.addresses import parse_address
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.forwarding import ForwardedMessage, forward_body
from mailroom.mail.replying import forward_subject, reply_references, reply_subject
from mailroom.messages import audience, bodies, idempotency, loops, quota
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import given_files, source_files
from mailroom.messages.handover import Post, dispatch, resume
from mailroom.messages.idempotency import Abandoned, Claim, Finished
from mailroom.messages.outgoing import Draft, prepare
from mailroom.messages.record import MessageRecord
from mailroom.messages.requests import UNTRACKED, MailBody
from mailroom.messages.threading import Surroundings
from mailroom.ports import BlobMissing
from mailroom.store import keys
from mailroom.store.port import Reads
from mailroom.threads.record import ThreadRecord


class SendResult(TypedDict):
    message_id: str
    thread_id: str


class _Job(NamedTuple):
    """One request past authentication: whose mail it is, and under which key."""

    request: Request
    inbox: InboxRecord
    claim: Claim | None

    @property
    def o(self) -> str:
        return self.request.caller.organization_id

    @property
    def post(self) -> Post:
        return Post.of(self.request.runtime, self.request.items)


def reads(o: str, request: Request) -> Reads:
    """Inbox, idempotency row, parent, the parent's bodies, list entries of the recipients given: whichever the route has."""
    inbox_id = request.path["inbox_id"].lower()
    wanted = [keys.inbox(o, inbox_id)]
    if (row := idempotency.row_key(o, request.headers)) is not None:
        wanted.append(row)
    if "message_id" in request.path:
        parent = keys.message(o, inbox_id, normalized_message_id(request.path["message_id"]))
        wanted.append(parent)
        if request.event["resource"].endswith("/forward"):
            wanted.append(keys.body(parent))
    wanted += [suppression.key(o, each) for each in _named(request)]
    wanted += quota.reads(o, request.runtime.config, request.runtime.clock())
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
    job = _open(request, "send")
    if isinstance(job, Finished):
        return _result(job)
    body = _body(job)
    whom = audience.given(body)
    _admit(job, whom)
    draft = Draft(
        audience=whom,
        subject=body.get("subject"),
        text=body.get("text"),
        html=body.get("html"),
        attachments=_files(job, body),
        **_common(body),
    )
    return _dispatch(job, draft, None)


def reply(request: Request) -> SendResult:
    """Raises like `send`."""
    return _answer(request, "reply")


def reply_all(request: Request) -> SendResult:
    """Raises like `send`."""
    return _answer(request, "reply-all")


def forward(request: Request) -> SendResult:
    """Raises like `send`."""
    job = _open(request, "forward")
    if isinstance(job, Finished):
        return _result(job)
    body = _body(job)
    parent = _parent(job)
    thread = _thread(job, parent)
    whom = audience.given(body)
    source = _forwarded(job, parent)
    text, html = forward_body(source, body.get("text"), body.get("html"))
    if body.get("track_opens") and html:
        raise ValidationError.at("track_opens", UNTRACKED)
    _require_no_loop(job, body, parent, thread, answers=False)
    _admit(job, whom)
    draft = Draft(
        audience=whom,
        subject=body.get("subject") or forward_subject(parent.get("subject")),
        text=text,
        html=html,
        attachments=[*source_files(job.o, parent, blobs=request.runtime.blobs), *_files(job, body)],
        references=reply_references(parent.get("references", ()), parent["message_id"]),
        thread_id=parent["thread_id"],
        **_common(body),
    )
    return _dispatch(job, draft, thread)


def _answer(request: Request, action: Literal["reply", "reply-all"]) -> SendResult:
    job = _open(request, action)
    if isinstance(job, Finished):
        return _result(job)
    body = _body(job)
    parent = _parent(job)
    whom = audience.of_reply(body, parent) if action == "reply" else audience.of_reply_all(parent)
    thread = _thread(job, parent, whom)
    audience.require_few(whom, request.runtime.config.max_recipients)
    _require_no_loop(job, body, parent, thread, answers=True)
    _admit(job, whom)
    draft = Draft(
        audience=whom,
        subject=reply_subject(parent.get("subject")),
        text=body.get("text"),
        html=body.get("html"),
        attachments=_files(job, body),
        in_reply_to=parent["message_id"],
        references=reply_references(parent.get("references", ()), parent["message_id"]),
        thread_id=parent["thread_id"],
        **_common(body),
    )
    return _dispatch(job, draft, thread)


def _open(request: Request, action: str) -> _Job | Finished:
    """Inbox and key: what the key has led to already is the answer."""
    inbox = require_inbox(request.caller, request.path["inbox_id"], items=request.items)
    key = idempotency.key_in(request.headers)
    if key is None:
        return _Job(request, inbox, None)
    parent = normalized_message_id(request.path["message_id"]) if "message_id" in request.path else None
    asked = idempotency.fingerprint(action, inbox["inbox_id"], parent, request.json())
    claim = Claim(keys.idempotency(request.caller.organization_id, key), asked)
    found = idempotency.judge(claim, request.items.get(claim.key), request.runtime.clock())
    if isinstance(found, Abandoned):
        ended = resume(found, _Job(request, inbox, claim).post, paused=inbox.get("status") == "paused")
        return ended or _Job(request, inbox, found.claim)
    return found if isinstance(found, Finished) else _Job(request, inbox, found)


def _body(job: _Job) -> MailBody:
    body = cast(MailBody, job.request.body())
    audience.require_few(audience.given(body), job.request.runtime.config.max_recipients)
    return body


def _parent(job: _Job) -> MessageRecord:
    """Raises NotFound for a message that is unknown or hidden from the caller."""
    inbox_id, items = job.inbox["inbox_id"], job.request.items
    message_id = normalized_message_id(job.request.path["message_id"])
    row = items.get(keys.message(job.o, inbox_id, message_id))
    if row is None:
        raise NotFound
    parent = cast(MessageRecord, row)
    job.request.caller.require_visible(parent["labels"])
    return parent


def _thread(job: _Job, parent: MessageRecord, whom: Audience | None = None) -> ThreadRecord:
    """The parent's, read together with what the lists say about recipients that follow from the parent. Raises NotFound where it
    is being deleted."""
    items, key = job.request.items, keys.thread(job.o, job.inbox["inbox_id"], parent["thread_id"])
    entries = [suppression.key(job.o, each) for each in whom.envelope()] if whom else []
    items.prefetch(Reads((key, *dict.fromkeys(entries[: job.request.runtime.config.max_recipients]))))
    thread = items.get(key)
    if thread is None or thread.get("deleting"):
        raise NotFound
    return cast(ThreadRecord, thread)


def _require_no_loop(job: _Job, body: MailBody, parent: MessageRecord, thread: ThreadRecord, *, answers: bool) -> None:
    forced, runtime = body.get("force", False), job.request.runtime
    now, limit = runtime.clock(), runtime.config.thread_send_limit
    loops.require_no_loop(parent, thread, answers=answers, forced=forced, now=now, limit=limit)


def _admit(job: _Job, whom: Audience) -> None:
    """Whether this inbox may send to these people now. Domain before lists, quotas after (spec: "Order of checks")."""
    if job.inbox.get("status") == "paused":
        raise InboxPaused(fix="Set the inbox's status to active.")
    audience.require_any(whom)
    suppression.require_unsuppressed(job.o, whom.envelope(), items=job.request.items)
    runtime = job.request.runtime
    quota.require_quota(job.o, len(whom.envelope()), items=job.request.items, config=runtime.config, now=runtime.clock())


def _files(job: _Job, body: MailBody) -> list[OutgoingAttachment]:
    runtime = job.request.runtime
    return given_files(body.get("attachments", ()), fetcher=runtime.fetcher, limit=runtime.config.max_fetched_bytes)


def _forwarded(job: _Job, parent: MessageRecord) -> ForwardedMessage:
    key = keys.message(job.o, parent["inbox_id"], parent["message_id"])
    try:
        content = bodies.load(job.o, parent, job.request.items.get(keys.body(key)), blobs=job.request.runtime.blobs)
    except BlobMissing:
        raise NotFound from None
    return ForwardedMessage(
        from_=parent["from"],
        date_ms=parent["ts"],
        to=parent["to"],
        cc=parent.get("cc", ()),
        subject=parent.get("subject"),
        text=content.get("text"),
        html=content.get("html"),
    )


class _Common(TypedDict):
    reply_to: list[str]
    labels: list[str]
    headers: dict[str, str]


def _common(body: MailBody) -> _Common:
    return _Common(reply_to=body.get("reply_to", []), labels=body.get("labels", []), headers=body.get("headers", {}))


def _dispatch(job: _Job, draft: Draft, thread: ThreadRecord | None) -> SendResult:
    runtime = job.request.runtime
    prepared = prepare(draft, job.inbox, job.o, job.claim, now=runtime.clock(), config=runtime.config)
    seen = Surroundings(threads={thread["thread_id"]: thread} if thread else {})
    return _result(dispatch(prepared, seen, job.post))


def _result(finished: Finished) -> SendResult:
    return SendResult(message_id=finished.message_id, thread_id=finished.thread_id)
