"""From a prepared mail to the provider and back (design: flows.md, "Mail out").

A mail is asked for once by each attempt under an intent. What happened is known in three cases: the provider took it, refused it,
or put it off. In the fourth, nothing is known; then the mail must not be sent again by a client's automatic retry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Self

from mailroom import log
from mailroom.clock import Clock
from mailroom.errors import Conflict, MailroomError, MessageRejected, NotFound, RateLimited, ServiceUnavailable
from mailroom.messages import idempotency, intents
from mailroom.messages.commit import InboxGone, own_thread
from mailroom.messages.idempotency import Abandoned, Finished
from mailroom.messages.intents import Guard, Intent, KeyTaken
from mailroom.messages.outgoing import Prepared, lay_down, mail_of
from mailroom.messages.threading import Surroundings
from mailroom.ports import BlobMissing, BlobStore, Mailer, MailerRefused, MailerThrottled, Timers
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import ItemStore, StoreBusy, StoreError, TransactionCancelled

NOTICE_WAITS_S = (0.5, 1.0, 2.0, 4.0)
"""How long the provider's notice is waited for when its answer was lost."""


class Post(NamedTuple):
    """What handing over needs."""

    items: ItemStore
    blobs: BlobStore
    mailer: Mailer
    timers: Timers
    clock: Clock
    shards: int
    pause: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, runtime: Runtime, items: ItemStore | None = None) -> Self:
        """`items`: the request's own view of the store."""
        return cls(
            items=items or runtime.items,
            blobs=runtime.blobs,
            mailer=runtime.mailer,
            timers=runtime.timers,
            clock=runtime.clock,
            shards=runtime.config.index_shards,
        )


def dispatch(prepared: Prepared, seen: Surroundings, post: Post, guards: Sequence[Guard] = ()) -> Finished:
    """Sends a new mail. Raises Conflict where its key was taken meanwhile, what a guard's refusal says, and what `hand_over`
    raises."""
    intent = prepared.intent
    try:
        lay_down(prepared, blobs=post.blobs)
    except (StoreError, OSError):
        _drop_blobs(intent, post)
        raise
    try:
        intents.begin(intent, guards, items=post.items, now=post.clock())
    except KeyTaken as taken:
        _drop_blobs(intent, post)
        return _lost_claim(intent, taken, post)
    except StoreBusy:
        # It may have begun all the same.
        raise
    except Exception:
        _drop_blobs(intent, post)
        raise
    return hand_over(intent, prepared.raw, seen, post)


def resume(abandoned: Abandoned, post: Post, *, require_sending: Callable[[], None]) -> Finished | None:
    """Ends an attempt that died: stores what the provider took, sends again what it did not. None where nothing is left of it.

    `require_sending` raises where the inbox may not send any more. Raises that, Conflict where somebody else is at it, and what
    `hand_over` raises.
    """
    row = post.items.get(keys.intent(abandoned.intent_id))
    if row is None or row["state"] != "open":
        return None
    intent = intents.from_row(row)
    if (message_id := accepted_id(intent, row.get("provider_message_id"), post)) is not None:
        return store_accepted(intent, message_id, None, post)
    require_sending()
    try:
        raw = post.blobs.get(keys.blob_raw(intent.organization_id, intent.record["inbox_id"], intent.intent_id))
    except BlobMissing:
        return None
    try:
        intents.take_over(intent, abandoned.claim, items=post.items, now=post.clock())
    except TransactionCancelled:
        raise Conflict("The first request with this Idempotency-Key is still running", retry_after=1) from None
    return hand_over(intent, raw, None, post)


def hand_over(intent: Intent, raw: bytes, seen: Surroundings | None, post: Post) -> Finished:
    """Raises RateLimited or MessageRejected, and then there is no trace of the mail; ServiceUnavailable likewise, or where the
    outcome is unknown but a repetition under the same key is safe."""
    try:
        message_id = post.mailer.send(mail_of(intent, raw))
    except MailerThrottled as throttled:
        raise _undone(intent, post, RateLimited("The mail provider is busy", retry_after=throttled.retry_after)) from throttled
    except MailerRefused as refused:
        raise _undone(intent, post, MessageRejected(str(refused))) from refused
    except StoreBusy as busy:
        raise _undone(intent, post, ServiceUnavailable(retry_after=1)) from busy
    except Exception as error:
        log.logger.exception("outcome of a send unknown", intent_id=intent.intent_id)
        found = _await_notice(intent, post)
        if found is None:
            raise _unknown(intent) from error
        message_id = found
    return store_accepted(intent, message_id, seen, post)


def store_accepted(intent: Intent, message_id: str, seen: Surroundings | None, post: Post) -> Finished:
    """Never fails: the mail is out, and an error would make clients send it again. What cannot be stored is left to the sweep."""
    try:
        outcome = intents.finish(
            intent, message_id, seen, items=post.items, blobs=post.blobs, clock=post.clock, shards=post.shards, pause=post.pause
        )
    except InboxGone:
        # It went out all the same: nothing of it is given back to the limits.
        _clean_up(intent._replace(counted=()), post, NotFound())
    except Exception:  # noqa: BLE001
        log.logger.exception("sent mail not stored yet", intent_id=intent.intent_id)
    else:
        return Finished(outcome.message_id, outcome.thread_id)
    thread_id = intent.thread_id or own_thread(intent.organization_id, intent.record["inbox_id"], message_id)
    return Finished(message_id, thread_id)


def give_up(intent: Intent, post: Post, error: MailroomError | None = None, *, alone: bool = False) -> None:
    """See `intents.abandon`. Raises what the stores raise."""
    intents.abandon(
        intent,
        error,
        alone=alone,
        items=post.items,
        blobs=post.blobs,
        timers=post.timers,
        shards=post.shards,
        now=post.clock(),
    )


def accepted_id(intent: Intent, noted: str | None, post: Post) -> str | None:
    """The Message-ID of a mail that is known to be out: from its notice, or from the mailer."""
    return noted or post.mailer.accepted(intent.intent_id)


def _await_notice(intent: Intent, post: Post) -> str | None:
    for wait in NOTICE_WAITS_S:
        try:
            if (message_id := post.mailer.accepted(intent.intent_id)) is not None:
                return message_id
        except StoreError:
            log.logger.exception("mailer cannot be asked", intent_id=intent.intent_id)
        post.pause(wait)
    return None


def _unknown(intent: Intent) -> MailroomError:
    """With a key a retry is safe, and asked for. Without one, only an answer that no client retries by itself is."""
    if intent.claim is not None:
        return ServiceUnavailable("It is not known yet whether the message was sent", retry_after=5)
    return MessageRejected(
        "It is not known whether the message was sent",
        fix="Look for it among the sent messages before you send it again. With an Idempotency-Key a retry is safe.",
    )


def _undone(intent: Intent, post: Post, error: MailroomError) -> MailroomError:
    _clean_up(intent, post, error)
    return error


def _clean_up(intent: Intent, post: Post, error: MailroomError) -> None:
    """What fails here is taken up by the sweep; the caller's answer is the same."""
    try:
        give_up(intent, post, error)
    except (StoreError, OSError):
        log.logger.exception("intent not removed", intent_id=intent.intent_id)


def _drop_blobs(intent: Intent, post: Post) -> None:
    """Of an intent that was never begun. What fails here is only space, and must not hide why."""
    try:
        post.blobs.delete_prefix(intent.blob_prefix)
    except (StoreError, OSError):
        log.logger.exception("blobs not removed", intent_id=intent.intent_id)


def _lost_claim(intent: Intent, taken: KeyTaken, post: Post) -> Finished:
    """Two requests with one key at once: the other one is a moment ahead."""
    assert intent.claim is not None
    found = idempotency.judge(intent.claim, taken.row, post.clock())
    if isinstance(found, Finished):
        return found
    raise Conflict("The first request with this Idempotency-Key is still running", retry_after=1)
