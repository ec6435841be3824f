"""One send on its way through the checks, whichever route, draft or timer it comes from (spec: messages.md, "Order of checks")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypedDict, cast

from mailroom.errors import InboxPaused, NotFound
from mailroom.http.endpoint import Request
from mailroom.inboxes.access import require_inbox
from mailroom.inboxes.record import InboxRecord
from mailroom.lists import suppression
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.forwarding import ForwardedMessage
from mailroom.messages import audience, bodies, idempotency
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import given_files
from mailroom.messages.handover import Post, dispatch, resume
from mailroom.messages.idempotency import Abandoned, Claim, Finished
from mailroom.messages.outgoing import NewMail, prepare
from mailroom.messages.record import MessageRecord
from mailroom.messages.requests import AttachmentBody
from mailroom.messages.threading import Surroundings
from mailroom.ports import BlobMissing
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Key, Reads
from mailroom.store.prefetch import PrefetchedStore
from mailroom.threads.record import ThreadRecord


class SendResult(TypedDict):
    message_id: str
    thread_id: str


class Sender(NamedTuple):
    o: str
    inbox: InboxRecord
    runtime: Runtime
    items: PrefetchedStore
    claim: Claim | None = None
    """The idempotency key that the request came with."""

    @property
    def post(self) -> Post:
        return Post.of(self.runtime, self.items)


def opened(request: Request, action: str, target: str | None = None) -> Sender | Finished:
    """Inbox and key: what the key has led to already is the answer. `target`: the message or draft that the path names."""
    inbox = require_inbox(request.caller, request.path["inbox_id"], items=request.items)
    sender = Sender(request.caller.organization_id, inbox, request.runtime, request.items)
    key = idempotency.key_in(request.headers)
    if key is None:
        return sender
    claim = Claim(keys.idempotency(sender.o, key), idempotency.fingerprint(action, inbox["inbox_id"], target, request.json()))
    found = idempotency.judge(claim, request.items.get(claim.key), request.runtime.clock())
    if isinstance(found, Abandoned):
        ended = resume(found, sender.post, paused=inbox.get("status") == "paused")
        return ended or sender._replace(claim=found.claim)
    return found if isinstance(found, Finished) else sender._replace(claim=found)


def finished_meanwhile(sender: Sender) -> Finished | None:
    """What the key has led to since it was looked at: where a draft is gone, it may have been sent under the same key a moment ago.
    Raises Conflict."""
    if sender.claim is None:
        return None
    found = idempotency.judge(sender.claim, sender.items.get(sender.claim.key), sender.runtime.clock())
    return found if isinstance(found, Finished) else None


def admission_reads(o: str, inbox_id: str, addresses: Iterable[str]) -> list[Key]:
    """What `admit` asks for, as far as it can be read ahead."""
    return [suppression.key(o, address) for address in addresses]


def admit(sender: Sender, whom: Audience) -> None:
    """Whether this inbox may send to these people now. Domain before lists, quotas after. Raises InboxPaused, Unprocessable,
    MessageRejected, RateLimited."""
    if sender.inbox.get("status") == "paused":
        raise InboxPaused(fix="Set the inbox's status to active.")
    audience.require_any(whom)
    suppression.require_unsuppressed(sender.o, whom.envelope(), items=sender.items)


def thread_of(sender: Sender, thread_id: str, whom: Audience | None = None) -> ThreadRecord | None:
    """The thread to join, read together with what the lists say about recipients that were not known before. None where it is gone;
    it may be on its way out (`deleting`)."""
    key = keys.thread(sender.o, sender.inbox["inbox_id"], thread_id)
    few = whom.envelope()[: sender.runtime.config.max_recipients] if whom else ()
    wanted = admission_reads(sender.o, sender.inbox["inbox_id"], few)
    sender.items.prefetch(Reads((key, *dict.fromkeys(wanted))))
    return cast("ThreadRecord | None", sender.items.get(key))


def files_of(sender: Sender, attachments: Sequence[AttachmentBody]) -> list[OutgoingAttachment]:
    """Raises MessageRejected for one that cannot be fetched."""
    runtime = sender.runtime
    return given_files(attachments, fetcher=runtime.fetcher, limit=runtime.config.max_fetched_bytes)


def forwarded(sender: Sender, parent: MessageRecord) -> ForwardedMessage:
    """The message as its forward quotes it. Raises NotFound where it was deleted meanwhile."""
    row = sender.items.get(keys.body(keys.message(sender.o, parent["inbox_id"], parent["message_id"])))
    try:
        content = bodies.load(sender.o, parent, row, blobs=sender.runtime.blobs)
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


def send_mail(sender: Sender, mail: NewMail, thread: ThreadRecord | None) -> SendResult:
    """Raises ValidationError and Unprocessable for a mail that is too large, and what `handover.dispatch` raises."""
    runtime = sender.runtime
    prepared = prepare(mail, sender.inbox, sender.o, sender.claim, now=runtime.clock(), config=runtime.config)
    return result_of(dispatch(prepared, surroundings(thread), sender.post))


def surroundings(thread: ThreadRecord | None) -> Surroundings:
    """What is known, or supposed, of the place of a mail that is about to be stored."""
    return Surroundings(threads={thread["thread_id"]: thread} if thread and not thread.get("deleting") else {})


def result_of(finished: Finished) -> SendResult:
    return SendResult(message_id=finished.message_id, thread_id=finished.thread_id)
