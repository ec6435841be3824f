"""One send on its way through the checks, whichever route, draft or timer it comes from (spec: messages.md, "Order of checks")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypedDict, cast

from mailroom.config import Config
from mailroom.domains import claims
from mailroom.domains.claims import Standing
from mailroom.errors import DomainNotVerified, InboxPaused, NotFound, ValidationError
from mailroom.http.endpoint import Request
from mailroom.inboxes.access import require_inbox
from mailroom.inboxes.record import InboxRecord
from mailroom.lists.sending import require_sendable, send_reads
from mailroom.mail.entities import OutgoingAttachment
from mailroom.mail.forwarding import ForwardedMessage
from mailroom.messages import audience, bodies, idempotency, loops, quota
from mailroom.messages.audience import Audience
from mailroom.messages.enclosures import given_files
from mailroom.messages.handover import Post, dispatch, resume
from mailroom.messages.idempotency import Abandoned, Claim, Finished
from mailroom.messages.intents import Guard
from mailroom.messages.outgoing import NewMail, Prepared, prepare
from mailroom.messages.record import Automatic, MessageRecord
from mailroom.messages.requests import AttachmentBody
from mailroom.messages.threading import Surroundings
from mailroom.organizations.limits import require_known, send_limits
from mailroom.ports import BlobMissing
from mailroom.runtime import Runtime
from mailroom.secret import signing_key
from mailroom.store import keys
from mailroom.store.port import Key, Reads, Update
from mailroom.store.prefetch import PrefetchedStore
from mailroom.threads.record import ThreadRecord
from mailroom.tracking.pixel import pixel_url
from mailroom.tracking.tokens import Mark

UNTRACKED = "The inbox's domain has no open tracking"


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
        ended = resume(found, sender.post, require_sending=lambda: _require_sending(sender))
        return ended or sender._replace(claim=found.claim)
    return found if isinstance(found, Finished) else sender._replace(claim=found)


def finished_meanwhile(sender: Sender) -> Finished | None:
    """What the key has led to since it was looked at: where a draft is gone, it may have been sent under the same key a moment ago.
    Raises Conflict."""
    if sender.claim is None:
        return None
    found = idempotency.judge(sender.claim, sender.items.get(sender.claim.key), sender.runtime.clock())
    return found if isinstance(found, Finished) else None


def admission_reads(o: str, inbox_id: str, recipients: Iterable[str], config: Config, *, ahead: bool = False) -> list[Key]:
    """What `admit` looks at, but quotas, to be read in one trip with other things. `ahead`: it is not known yet whether there is
    such an inbox."""
    if ahead:
        of_domain = claims.claims_ahead(inbox_id, default_domain=config.domain)
    else:
        of_domain = claims.claim_keys(claims.domain_of(inbox_id), default_domain=config.domain)
    return [keys.organization(o), *of_domain, *send_reads(o, inbox_id, recipients)]


def admit(sender: Sender, whom: Audience) -> None:
    """Whether this inbox may send to these people now. Domain before lists, quotas after. Raises InboxPaused, Unprocessable,
    DomainNotVerified, MessageRejected, RateLimited."""
    _require_active(sender)
    audience.require_any(whom)
    recipients, organization = whom.envelope(), keys.organization(sender.o)
    sender.items.prefetch(Reads(tuple(admission_reads(sender.o, sender.inbox["inbox_id"], recipients, sender.runtime.config))))
    _require_domain(sender)
    require_known(sender.items.peek(organization), recipients)
    require_sendable(sender.o, sender.inbox, recipients, items=sender.items)
    quota.require_quota(sender.o, len(recipients), items=sender.items, config=_limits(sender), now=sender.runtime.clock())


def _require_sending(sender: Sender) -> None:
    """What a mail that passed all checks before must pass again. Raises InboxPaused, DomainNotVerified."""
    _require_active(sender)
    _require_domain(sender)


def _require_active(sender: Sender) -> None:
    if sender.inbox.get("status") == "paused":
        raise InboxPaused(fix="Set the inbox's status to active.")


def _require_domain(sender: Sender) -> None:
    place = _standing(sender)
    if place.sends:
        return
    if place.domain is None:
        raise DomainNotVerified(
            "The inbox's domain is not registered any more", fix="Register the domain again, or send from another inbox."
        )
    raise DomainNotVerified(
        f"The domain {place.domain} is not verified",
        fix=f"Publish the records that GET /v0/domains/{place.domain} names, then POST /v0/domains/{place.domain}/verify.",
    )


def _standing(sender: Sender) -> Standing:
    inbox_id, default_domain = sender.inbox["inbox_id"], sender.runtime.config.domain
    return claims.standing_of(sender.o, inbox_id, items=sender.items, default_domain=default_domain)


def pixel_of(sender: Sender, wanted: bool | None, html: str | None) -> Callable[[str], str] | None:
    """Message uid -> address of the pixel that tells when the mail is opened; None where none is `wanted`, or the mail has no HTML
    to hold it. Raises ValidationError where the inbox's domain has no open tracking; one that is gone is left to `admit`."""
    if not wanted or not html:
        return None
    place, runtime = _standing(sender), sender.runtime
    if place == claims.NOWHERE:
        return None
    if (domain := place.domain) is None or place.claim is None or not place.claim["tracks"]:
        raise ValidationError.at("track_opens", UNTRACKED)

    def address(uid: str) -> str:
        mark = Mark(sender.o, sender.inbox["inbox_id"], uid)
        return pixel_url(mark, domain, scheme=runtime.config.tracking_scheme, key=signing_key(runtime))

    return address


def thread_of(sender: Sender, thread_id: str, whom: Audience | None = None) -> ThreadRecord | None:
    """The thread to join, read together with what the lists say about recipients that were not known before, and with what the
    inbox's domain may do. None where it is gone; it may be on its way out (`deleting`)."""
    inbox_id, config = sender.inbox["inbox_id"], sender.runtime.config
    key = keys.thread(sender.o, inbox_id, thread_id)
    few = whom.envelope()[: config.max_recipients] if whom else ()
    sender.items.prefetch(Reads((key, *admission_reads(sender.o, inbox_id, few, config))))
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


def require_no_loop(sender: Sender, automatic: Automatic | None, thread: ThreadRecord | None, *, forced: bool) -> None:
    """See `loops.require_no_loop`. Raises LoopDetected."""
    runtime = sender.runtime
    loops.require_no_loop(automatic, thread, forced=forced, now=runtime.clock(), limit=runtime.config.thread_send_limit)


def send_mail(sender: Sender, mail: NewMail, thread: ThreadRecord | None) -> SendResult:
    """Raises ValidationError and Unprocessable for a mail that is too large, and what `handover.dispatch` raises."""
    return result_of(dispatched(sender, prepared(sender, mail), thread))


def prepared(sender: Sender, mail: NewMail) -> Prepared:
    """Raises ValidationError for a mail that is too large, Unprocessable for more attachments than a message can list."""
    runtime = sender.runtime
    return prepare(mail, sender.inbox, sender.o, sender.claim, now=runtime.clock(), config=runtime.config)


def dispatched(sender: Sender, mail: Prepared, thread: ThreadRecord | None, guards: Iterable[Guard] = ()) -> Finished:
    """Sends what has passed the checks, and counts its recipients against the limits there are. `thread` is what is known, or
    supposed, of the thread to join. Raises RateLimited, and what `handover.dispatch` raises."""
    o, config, at, recipients = sender.o, _limits(sender), mail.intent.created_at, len(mail.intent.recipients)
    counting = [_counting(update, at) for update in quota.counting(o, recipients, config=config, now=at)]
    intent = mail.intent._replace(counted=quota.limited(config))
    seen = Surroundings(threads={thread["thread_id"]: thread} if thread and not thread.get("deleting") else {})
    return dispatch(mail._replace(intent=intent), seen, sender.post, [*guards, *counting])


def _limits(sender: Sender) -> Config:
    """Those of the sender's organization, whose row is still at hand from the checks."""
    return send_limits(sender.items.peek(keys.organization(sender.o)), sender.runtime.config)


def _counting(update: Update, now: int) -> Guard:
    return Guard(update, lambda _: quota.exceeded(update, now=now))


def result_of(finished: Finished) -> SendResult:
    return SendResult(message_id=finished.message_id, thread_id=finished.thread_id)
