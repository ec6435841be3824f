"""Which send a notice is about."""

from __future__ import annotations

from typing import NamedTuple

from mailroom.messages.commit import own_thread
from mailroom.messages.handover import Post
from mailroom.messages.repair import note_accepted
from mailroom.outbound.notices import Notice
from mailroom.store import keys
from mailroom.store.port import Item

OVERTAKEN_WAITS_S = (0.05, 0.1, 0.2)
"""For the second half of a send that a notice has overtaken: it is about to be stored, and two who store it are in each other's
way."""


class NotStoredYet(Exception):
    """The send is known, but its message could not be stored."""


class Sent(NamedTuple):
    organization_id: str
    inbox_id: str
    pod_id: str
    message_id: str
    thread_id: str


def find(notice: Notice, post: Post) -> Sent | None:
    """The send, which may have been deleted since; one that lost its second half is finished. None for one never heard of (or
    more than 30 days old, whose message is gone). Raises NotStoredYet, and what the store raises."""
    sent = _of_intent(notice.intent_id, notice, post) if notice.intent_id else None
    return sent or _of_message(notice, post)


def _of_intent(intent_id: str, notice: Notice, post: Post) -> Sent | None:
    row = _settled(intent_id, post)
    if row is None:
        return None
    if row["state"] != "open":
        return _read(row)
    note_accepted(intent_id, notice.message_id, post)
    after = post.items.get(keys.intent(intent_id))
    if after is None:
        return _homeless(row, notice)
    if after["state"] == "open":
        raise NotStoredYet(intent_id)
    return _read(after)


def _settled(intent_id: str, post: Post) -> Item | None:
    """The intent, which whoever sends may be about to finish."""
    row = post.items.get(keys.intent(intent_id))
    for wait in OVERTAKEN_WAITS_S:
        if row is None or row["state"] != "open":
            break
        post.pause(wait)
        row = post.items.get(keys.intent(intent_id))
    return row


def _read(row: Item) -> Sent:
    """Of a finished intent."""
    return Sent(row["organization_id"], row["inbox_id"], row["pod_id"], row["message_id"], row["thread_id"])


def _homeless(row: Item, notice: Notice) -> Sent:
    """The inbox was deleted before the message could be stored."""
    o, inbox_id = row["organization_id"], row["inbox_id"]
    thread_id = row.get("thread_id") or own_thread(o, inbox_id, notice.message_id)
    return Sent(o, inbox_id, row["record"]["pod_id"], notice.message_id, thread_id)


def _of_message(notice: Notice, post: Post) -> Sent | None:
    """By return path and Message-ID."""
    address = post.items.get(keys.address(notice.source)) if notice.source else None
    if address is None:
        return None
    o, inbox_id = address["organization_id"], address["inbox_id"]
    record = post.items.get(keys.message(o, inbox_id, notice.message_id))
    if record is None or "sent" not in record["labels"]:
        return None
    return Sent(o, inbox_id, record["pod_id"], record["message_id"], record["thread_id"])
