"""What a received event shows, kept with its row as it was when the message was stored: the message without its bodies, which never
change, and its thread after the message joined (spec: events.md, "Payloads")."""

from __future__ import annotations

import json
import zlib
from typing import Any

from mailroom.events.sizes import fitted
from mailroom.messages.labels import RESTRICTED
from mailroom.messages.record import Bodies, MessageRecord
from mailroom.messages.render import message
from mailroom.threads.aggregate import rebuild
from mailroom.threads.record import ThreadRecord
from mailroom.threads.render import thread_item

MAX_BYTES = 100 * 1024
"""Compressed. The row that holds it may have 400 KB."""

_LEVEL = 1


def freeze(record: MessageRecord, thread: ThreadRecord) -> bytes:
    """`message` and `thread` as on the wire, compressed; cut where they are enormous."""
    shown = {"message": message(record, Bodies()), "thread": thread_item(_told(record, thread))}
    return fitted(shown, MAX_BYTES, packed=lambda data: zlib.compress(data, _LEVEL))


def _told(record: MessageRecord, thread: ThreadRecord) -> ThreadRecord:
    """The thread, or only this message's part of it where it would show what is hidden from some who hear of the message: a thread
    without a clean message shows all of its messages, but those with another restricted label take another permission."""
    others = RESTRICTED & thread["lc"].keys() - set(record["labels"])
    if thread["clean"] or not others:
        return thread
    return rebuild(thread, [record], now=thread["updated_at"]) or thread


def thaw(frozen: bytes) -> dict[str, Any]:
    shown: dict[str, Any] = json.loads(zlib.decompress(frozen))
    return shown
