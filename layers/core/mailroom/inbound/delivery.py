"""One mail into one inbox, exactly once however often it is tried."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

from mailroom.clock import Clock
from mailroom.inbound.authentication import authenticated
from mailroom.inbound.composition import Content, attachment_id, message_id_of, message_uid, received_message
from mailroom.inbound.notice import Arrival
from mailroom.inboxes.record import InboxRecord
from mailroom.lists.levels import count_keys
from mailroom.lists.receiving import blocked
from mailroom.mail.parsed import ParsedMail
from mailroom.messages.commit import InboxGone, NewMessage, Outcome, commit, known
from mailroom.messages.threading import Surroundings, Target, candidates, look
from mailroom.ports import BlobStore
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore


def deliver(
    arrival: Arrival,
    content: Content,
    labels: frozenset[str],
    o: str,
    inbox_id: str,
    *,
    items: ItemStore,
    blobs: BlobStore,
    clock: Clock,
    shards: int,
    strict_allow: bool,
    pause: Callable[[float], None] = time.sleep,
) -> Outcome | None:
    """None where the mail is dropped: the inbox is gone, paused or a later one, or the mail was deleted since an earlier delivery
    of its notice. Raises what the stores raise; a later try then goes on.

    Blobs are written before the transaction, under keys that every try shares, so only a mail that is certainly not stored takes
    them away again.
    """
    mail = content.mail
    message_id, uid = message_id_of(arrival, mail, inbox_id), message_uid(arrival, o, inbox_id)
    target = Target(
        o,
        inbox_id,
        message_id,
        candidates(message_id, mail.in_reply_to, mail.references),
        deleted_mail=keys.deleted_mail(o, inbox_id, uid),
        list_counts=count_keys(o, inbox_id),
    )
    seen = look(target, items=items)
    inbox = _open_inbox(seen.inbox)
    if inbox is None:
        return None
    if seen.deleted or arrival.ts < inbox.get("reused_after", 0):
        # An earlier try may have left its blobs behind the purge.
        blobs.delete_prefix(keys.blob_message(o, inbox_id, uid))
        return None
    if _blocked(arrival, mail, o, inbox, seen, items=items, strict_allow=strict_allow):
        labels |= {"blocked"}
    new = received_message(arrival, content, labels, o, inbox, now=clock())
    if (outcome := known(new, seen)) is not None:
        return outcome
    write_blobs(arrival, content, new, blobs=blobs)
    try:
        outcome = commit(new, seen, items=items, clock=clock, shards=shards, pause=pause)
    except InboxGone:
        discard_blobs(new, blobs=blobs)
        return None
    if outcome.result == "joined":
        discard_blobs(new, blobs=blobs)
    return outcome


def write_blobs(arrival: Arrival, content: Content, new: NewMessage, *, blobs: BlobStore) -> None:
    """The raw mail first."""
    o, inbox_id, uid = new.organization_id, new.record["inbox_id"], new.record["uid"]
    blobs.copy(arrival.raw_key, keys.blob_raw(o, inbox_id, uid))
    for index, part in enumerate(content.mail.attachments):
        key = keys.blob_attachment(o, inbox_id, uid, attachment_id(uid, index))
        blobs.put(key, part.data, content_type=part.content_type or "application/octet-stream")
    if content.place == "blob":
        blobs.put(keys.blob_body(o, inbox_id, uid), content.packed)


def discard_blobs(new: NewMessage, *, blobs: BlobStore) -> None:
    blobs.delete_prefix(keys.blob_message(new.organization_id, new.record["inbox_id"], new.record["uid"]))


def _blocked(
    arrival: Arrival, mail: ParsedMail, o: str, inbox: InboxRecord, seen: Surroundings, *, items: ItemStore, strict_allow: bool
) -> bool:
    """Without a From, what is shown as the sender must not be blocked either."""
    authors = mail.authors or ([mail.from_address] if mail.from_address else [])
    return blocked(o, inbox, authors, seen, trusted=lambda: not strict_allow or authenticated(arrival, mail), items=items)


def _open_inbox(row: Item | None) -> InboxRecord | None:
    if row is None or "state" in row or row.get("status") == "paused":
        return None
    return cast(InboxRecord, row)
