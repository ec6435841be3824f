"""A scheduled draft that somebody has answered: it is not sent, says why, and an event tells of it."""

from __future__ import annotations

from mailroom import log
from mailroom.drafts import states, writing
from mailroom.drafts.record import CancelOn, DraftRecord
from mailroom.events import types
from mailroom.events.rows import notice_event
from mailroom.messages.record import MessageRecord
from mailroom.messages.sender import Sender
from mailroom.store.port import TransactionCancelled


def cancel(sender: Sender, draft: DraftRecord, reason: CancelOn, cause: MessageRecord) -> bool:
    """Nothing, and False, where the draft is not as it was read any more."""
    now, shards = sender.runtime.clock(), sender.runtime.config.index_shards
    after = states.cancelled(draft, reason, now)
    event = notice_event(
        sender.o,
        event_type=types.DRAFT_CANCELLED,
        inbox_id=draft["inbox_id"],
        pod_id=draft["pod_id"],
        thread_id=draft["thread_id"],
        message_id=cause["message_id"],
        ts=now,
        payload={"draft_id": draft["draft_id"], "reason": reason},
        shards=shards,
        unique=f"{draft['draft_id']} {after['ver']}",
    )
    try:
        writing.save(sender.o, draft, after, items=sender.items, shards=shards, now=now, along=[event])
    except TransactionCancelled:
        return False
    log.logger.info("draft cancelled", organization_id=sender.o, draft_id=draft["draft_id"], reason=reason)
    return True
