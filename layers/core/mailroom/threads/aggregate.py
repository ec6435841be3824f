"""A thread's row, computed from its messages (spec: threads.md "Aggregates", labels.md "Threads"). Pure functions.

Each function returns a new record. `now` is in milliseconds and becomes `updated_at`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from mailroom.messages.labels import RESTRICTED, ordered, visibility
from mailroom.messages.record import AttachmentRecord, MessageRecord
from mailroom.threads.bounded import Bounded, extended, places
from mailroom.threads.record import ThreadRecord
from mailroom.threads.window import counted as counted_in

_AGGREGATES = ("received_ts", "sent_ts", "subject", "preview", "attachments", "attachments_at", "cuts")


def start(message: MessageRecord, *, now: int) -> ThreadRecord:
    """A thread of one message. Its version starts at the time, so that a re-created id never goes back."""
    return sent_lately(_built(message["thread_id"], [message], ver=now, created_at=now, now=now), message, now=now)


def with_message(thread: ThreadRecord, message: MessageRecord, *, now: int) -> ThreadRecord:
    """The thread with one message more, whatever its timestamp."""
    hidden = visibility(message["labels"])
    counted = sent_lately(_counted(thread, [], [message], now=now), message, now=now)
    if hidden and thread["clean"]:
        return counted
    if not hidden and not thread["clean"]:
        return _restarted(counted, message)
    return _extended(counted, message)


def rebuild(thread: ThreadRecord, messages: Iterable[MessageRecord], *, now: int) -> ThreadRecord | None:
    """The thread as all of its messages make it; None where there is none left. What was sent lately stays counted, also where it
    was deleted since."""
    everything = list(messages)
    if not everything:
        return None
    rebuilt = _built(thread["thread_id"], everything, ver=thread["ver"] + 1, created_at=thread["created_at"], now=now)
    if "sent_window" in thread:
        rebuilt["sent_window"] = thread["sent_window"]
    return rebuilt


def relabelled(thread: ThreadRecord, before: Iterable[MessageRecord], after: Iterable[MessageRecord], *, now: int) -> ThreadRecord:
    """The thread after changes of labels that leave each message's visibility as it was: only labels and their counts move."""
    return _counted(thread, before, after, now=now)


def sent_lately(thread: ThreadRecord, message: MessageRecord, *, now: int) -> ThreadRecord:
    """The thread with a message that was added counted towards what its inbox sends here, if it sent it."""
    if "sent" not in message["labels"]:
        return thread
    return cast(ThreadRecord, {**thread, "sent_window": counted_in(thread.get("sent_window", ()), message["ts"], now=now)})


def labels_of(lc: dict[str, int], total: int) -> list[str]:
    """User and system labels that any message carries, restricted ones that every message carries."""
    return ordered(label for label, count in lc.items() if count and (label not in RESTRICTED or count == total))


def _counted(thread: ThreadRecord, before: Iterable[MessageRecord], after: Iterable[MessageRecord], *, now: int) -> ThreadRecord:
    lc, total, clean = dict(thread["lc"]), thread["total"], thread["clean"]
    for sign, messages in ((-1, before), (1, after)):
        for message in messages:
            total += sign
            clean += sign * (1 - visibility(message["labels"]))
            for label in message["labels"]:
                lc[label] = lc.get(label, 0) + sign
    lc = {label: count for label, count in lc.items() if count > 0}
    changes = {
        "lc": lc,
        "labels": labels_of(lc, total),
        "total": total,
        "clean": clean,
        "ver": thread["ver"] + 1,
        "updated_at": now,
    }
    return cast(ThreadRecord, {**thread, **changes})


def _built(thread_id: str, messages: list[MessageRecord], *, ver: int, created_at: int, now: int) -> ThreadRecord:
    first = messages[0]
    empty: dict[str, Any] = {
        "inbox_id": first["inbox_id"],
        "pod_id": first["pod_id"],
        "thread_id": thread_id,
        "labels": [],
        "lc": {},
        "total": 0,
        "clean": 0,
        "ver": ver - 1,
        "created_at": created_at,
    }
    thread = _counted(cast(ThreadRecord, empty), [], messages, now=now)
    shown = [message for message in messages if not visibility(message["labels"])] or messages
    thread = _restarted(thread, shown[0])
    for message in shown[1:]:
        thread = _extended(thread, message)
    return thread


def _restarted(thread: ThreadRecord, message: MessageRecord) -> ThreadRecord:
    """Aggregates of this message alone."""
    kept = {name: value for name, value in thread.items() if name not in _AGGREGATES}
    blank = {
        "ts": message["ts"],
        "first_ts": message["ts"],
        "first_message_id": message["message_id"],
        "last_message_id": message["message_id"],
        "senders": [],
        "senders_at": [],
        "recipients": [],
        "recipients_at": [],
        "message_count": 0,
        "size": 0,
    }
    return _extended(cast(ThreadRecord, {**kept, **blank}), message)


def _extended(thread: ThreadRecord, message: MessageRecord) -> ThreadRecord:
    """Aggregates with one message more."""
    record = thread.copy()
    record["message_count"] += 1
    record["size"] += message["size"]
    place = (message["ts"], message["message_id"])
    if place >= (thread["ts"], thread["last_message_id"]):
        record["ts"], record["last_message_id"] = place
        _copy(record, message, "preview")
    if place <= (thread["first_ts"], thread["first_message_id"]):
        record["first_ts"], record["first_message_id"] = place
        _copy(record, message, "subject")
    if "received" in message["labels"]:
        record["received_ts"] = max(message["ts"], thread.get("received_ts", 0))
    if "sent" in message["labels"]:
        record["sent_ts"] = max(message["ts"], thread.get("sent_ts", 0))
    recipients = [*message["to"], *message.get("cc", ()), *message.get("bcc", ())]
    _extend(record, "senders", message["ts"], [message["from"]])
    _extend(record, "recipients", message["ts"], recipients)
    if files := message.get("attachments"):
        _extend(record, "attachments", message["ts"], files)
    return record


def _copy(record: ThreadRecord, message: MessageRecord, name: str) -> None:
    value = message.get(name)
    if value:
        record[name] = value  # type: ignore[literal-required]
    else:
        record.pop(name, None)  # type: ignore[misc]


def _extend(record: ThreadRecord, name: str, ts: int, values: list[Any]) -> None:
    row = cast(dict[str, Any], record)
    known: Bounded[Any] = Bounded(row.get(name, []), row.get(f"{name}_at", []), record.get("cuts", {}).get(name))
    result = extended(known, places(ts, values), identity=_identity, size=_size)
    if result.cut is not None:
        record["cuts"] = {**record.get("cuts", {}), name: result.cut}
    row[name], row[f"{name}_at"] = result.values, result.places


def _identity(value: str | AttachmentRecord) -> str:
    return value if isinstance(value, str) else value["attachment_id"]


def _size(value: str | AttachmentRecord) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace")) + 12
    return sum(len(name) + len(str(part).encode("utf-8", "replace")) + 3 for name, part in value.items()) + 12
