"""Drafts whose time has come: the worker of the queue in which timers fire (design: flows.md, "Drafts with send_at").

A firing names the timer that the draft must still have. It may come early (then it waits on), twice, late, or for a draft that was
changed, cancelled or sent meanwhile: whoever claims the draft sends it, and nobody else does.
"""

from __future__ import annotations

from typing import cast

from mailroom import log
from mailroom.drafts import cancelling, states, watch, writing
from mailroom.drafts.mailing import send_claimed
from mailroom.drafts.record import DraftRecord
from mailroom.drafts.timers import QUEUE, Firing, arm
from mailroom.errors import MailroomError, OrganizationSuspended
from mailroom.inboxes.record import InboxRecord
from mailroom.messages import audience
from mailroom.messages.intents import Guard
from mailroom.messages.requests import MailBody
from mailroom.messages.sender import Sender, thread_of
from mailroom.organizations.standing import active
from mailroom.runtime import Runtime
from mailroom.store import keys
from mailroom.store.port import Absent, Check, Equals, Item, Reads, TransactionCancelled
from mailroom.store.prefetch import PrefetchedStore
from mailroom.store.races import attempts
from mailroom.threads.record import ThreadRecord

COMMITTED_WITHIN_MS = 60_000
"""After its timer was set a draft is written by then, or never."""
_LOOK_AGAIN_S = 1


class Moved(Exception):
    """The draft, or its thread, is not as it was read any more: what is to be done must be decided anew."""


def send_due(firing: Firing, *, runtime: Runtime) -> None:
    """Sends the draft, cancels it because somebody answered, puts it off, or marks it failed. Raises what the stores raise."""
    for _ in attempts():
        try:
            return _try(firing, runtime)
        except Moved:
            continue
    raise Moved


def _try(firing: Firing, runtime: Runtime) -> None:
    items = PrefetchedStore(runtime.items)
    key = keys.draft(firing.organization_id, firing.inbox_id, firing.draft_id)
    inbox_key = keys.inbox(firing.organization_id, firing.inbox_id)
    items.prefetch(Reads((inbox_key, key, keys.body(key))))
    inbox, row, now = items.get(inbox_key), items.get(key), runtime.clock()
    if inbox is None or "state" in inbox:
        return
    if row is None or row["ver"] < firing.timer:
        _await_commit(firing, now, runtime)
        return
    draft = cast(DraftRecord, row)
    if draft.get("send_status") != "scheduled" or draft["timer"] != firing.timer:
        return
    if draft["due"] > now:
        arm(firing.organization_id, draft, timers=runtime.timers, now=now)
        return
    sender = Sender(firing.organization_id, cast(InboxRecord, inbox), runtime, items)
    try:
        _send_or_cancel(sender, draft)
    except MailroomError as error:
        _note(sender, draft, error)


def _await_commit(firing: Firing, now: int, runtime: Runtime) -> None:
    """The timer is set before the draft is written, and may be due in a moment."""
    if now - firing.set_at < COMMITTED_WITHIN_MS:
        runtime.queues.send(QUEUE, firing._asdict(), delay_s=_LOOK_AGAIN_S)


def _send_or_cancel(sender: Sender, draft: DraftRecord) -> None:
    """Raises Moved where an answer may have come between the look and the claim; OrganizationSuspended: no credential was asked."""
    thread = thread_of(sender, draft["thread_id"], audience.given(cast(MailBody, draft)))
    guards = [Guard(active(sender.o), _suspended)]
    if (cancel_on := draft.get("cancel_on")) is not None:
        cause = watch.answer(sender.o, draft, thread, items=sender.items)
        if cause is not None:
            if not cancelling.cancel(sender, draft, cancel_on, cause):
                raise Moved
            return
        guards.append(_as_seen(sender, draft, thread))
    finished = send_claimed(sender, draft, thread, "timer", guards=guards)
    log.logger.info("draft sent", organization_id=sender.o, draft_id=draft["draft_id"], thread_id=finished.thread_id)


def _as_seen(sender: Sender, draft: DraftRecord, thread: ThreadRecord | None) -> Guard:
    key = keys.thread(sender.o, draft["inbox_id"], draft["thread_id"])
    return Guard(Check(key, Absent() if thread is None else Equals("ver", thread["ver"])), _moved)


def _suspended(_: Item | None) -> Exception:
    return OrganizationSuspended()


def _moved(_: Item | None) -> Exception:
    return Moved()


def _note(sender: Sender, draft: DraftRecord, error: MailroomError) -> None:
    """Raises Moved for a draft that was changed meanwhile, perhaps claimed and given back: only what is there now tells whether
    this timer has anything left to do."""
    now, shards = sender.runtime.clock(), sender.runtime.config.index_shards
    row = sender.items.get(keys.draft(sender.o, draft["inbox_id"], draft["draft_id"]))
    if row is None or row["ver"] != draft["ver"]:
        raise Moved
    after = states.missed(draft, error, now)
    arm(sender.o, after, timers=sender.runtime.timers, now=now)
    try:
        writing.save(sender.o, draft, after, items=sender.items, shards=shards, now=now)
    except TransactionCancelled:
        raise Moved from None
    log.logger.warning(
        "draft not sent", organization_id=sender.o, draft_id=draft["draft_id"], code=error.code, status=after.get("send_status")
    )
