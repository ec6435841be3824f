"""What becomes of a provider's notice about sent mail (design: flows.md, "Mail out")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mailroom import log
from mailroom.batches import PutOff
from mailroom.messages.handover import Post
from mailroom.outbound.effects import EFFECTS, take_effect
from mailroom.outbound.notices import read
from mailroom.outbound.sends import find
from mailroom.outbound.ses import SERVICE_MAIL

WAITS_MS = 5 * 60 * 1000
"""How long a notice waits for a send that nobody knows (spec: events.md, "Effects")."""


class UnknownSend(PutOff):
    """No send is known that the notice could be about; it may be stored in a moment."""


def note(record: Mapping[str, Any], post: Post, *, region: str) -> None:
    """Raises UnknownSend, NotStoredYet, ValueError, KeyError or TypeError for a malformed notice, and what the store raises."""
    notice = read(record["body"], region=region)
    if notice is None:
        log.logger.info("provider notice ignored", queue_message_id=record["messageId"])
        return
    if (notice.intent_id or "").startswith(SERVICE_MAIL):
        log.logger.info("notice of the service's own mail", kind=notice.kind, intent_id=notice.intent_id)
        return
    sent = find(notice, post)
    if sent is None:
        if _waited(record, post.clock()):
            log.logger.warning("provider notice dropped", kind=notice.kind, intent_id=notice.intent_id)
            return
        raise UnknownSend
    if notice.kind in EFFECTS:
        take_effect(notice, sent, items=post.items, clock=post.clock, shards=post.shards)


def _waited(record: Mapping[str, Any], now: int) -> bool:
    attributes = record.get("attributes", {})
    since = attributes.get("ApproximateFirstReceiveTimestamp") or attributes.get("SentTimestamp")
    return since is not None and now - int(since) > WAITS_MS
