"""Rows of the core table in the partition of one inbox, and the pointers to them."""

from __future__ import annotations

from mailroom.ids import digest26
from mailroom.store.keys.parts import enc, inbox_partition
from mailroom.store.port import Key


def inbox(o: str, inbox_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), "A")


def message(o: str, inbox_id: str, message_id: str) -> Key:
    return message_by_digest(o, inbox_id, digest26(message_id))


def message_by_digest(o: str, inbox_id: str, h: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"M#{h}")


def is_message(key: Key) -> bool:
    """Whether it is a message's row; not that of its bodies."""
    return key.table == "core" and key.sk.startswith("M#") and not key.sk.endswith("#B")


def body(owner_key: Key) -> Key:
    """The row beside a message's or a draft's that holds what lists do not show."""
    return Key("core", owner_key.pk, owner_key.sk + "#B")


def reference(o: str, inbox_id: str, message_id: str) -> Key:
    """A message id that was referred to and has not arrived yet -> the thread that waits for it."""
    return Key("core", inbox_partition(o, inbox_id), f"R#{digest26(message_id)}")


def deleted_mail(o: str, inbox_id: str, uid: str) -> Key:
    """Says that a received mail was stored and deleted, as long as its notice may come again."""
    return Key("core", inbox_partition(o, inbox_id), f"X#{uid}")


def thread(o: str, inbox_id: str, thread_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"T#{enc(thread_id)}")


def is_thread(key: Key) -> bool:
    return key.table == "core" and key.sk.startswith("T#")


def thread_pointer(o: str, thread_id: str) -> Key:
    return Key("core", f"{o}#TH#{enc(thread_id)}", "-")


def draft(o: str, inbox_id: str, draft_id: str) -> Key:
    return Key("core", inbox_partition(o, inbox_id), f"D#{enc(draft_id)}")


def is_draft(key: Key) -> bool:
    """Whether it is a draft's row; not that of its text."""
    return key.table == "core" and key.sk.startswith("D#") and not key.sk.endswith("#B")


def draft_pointer(o: str, draft_id: str) -> Key:
    return Key("core", f"{o}#DR#{enc(draft_id)}", "-")


def opening(o: str, inbox_id: str, uid: str) -> Key:
    """Which message a tracking pixel belongs to; `uid` is that of the message, which is known before its id."""
    return Key("core", inbox_partition(o, inbox_id), f"O#{uid}")
