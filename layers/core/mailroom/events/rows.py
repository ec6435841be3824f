"""Rows of events, written in the transaction that changes state (design: data.md, `ev`).

A row says what happened and where. Received events keep what they show as `frozen`; all others keep `payload`, their payload object
without the ids and the time that the row has anyway. `pos` comes later (`events.sequence`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mailroom import ids
from mailroom.events import types
from mailroom.events.snapshot import freeze
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import Absent, Item, Put
from mailroom.threads.record import ThreadRecord

KEPT_SECONDS = 92 * 24 * 3600
EVENTS = "E"
"""Kind in the pod and organization partitions of events."""


def message_event(
    o: str,
    record: MessageRecord,
    thread: ThreadRecord,
    event_type: str,
    *,
    ts: int,
    shards: int,
    recipients: Sequence[str] = (),
) -> Put:
    """That a message arrived or was sent; `thread` as it is with the message. Key and id are derived from the message."""
    inbox_id, pod_id, message_id = record["inbox_id"], record["pod_id"], record["message_id"]
    event_id = ids.event_id(ts, o, inbox_id, event_type, message_id, record["uid"])
    row = _row(o, event_id, event_type, inbox_id=inbox_id, pod_id=pod_id, ts=ts, shards=shards)
    row |= {"thread_id": thread["thread_id"], "message_id": message_id}
    if types.carries_message(event_type):
        row |= {"frozen": freeze(record, thread), "body": record["body"], "uid": record["uid"]}
    else:
        row["payload"] = {"recipients": list(recipients)}
    return Put(keys.event(o, inbox_id, event_type, ts, event_id), row)


def notice_event(
    o: str,
    *,
    event_type: str,
    inbox_id: str | None,
    pod_id: str | None,
    thread_id: str | None,
    message_id: str | None,
    ts: int,
    payload: Mapping[str, Any],
    shards: int,
    unique: str,
) -> Put:
    """Anything else that happened, told apart by `unique`. A repeat names the same row and fails on its condition, because the row
    may have its position by then."""
    event_id = ids.event_id(ts, o, inbox_id or "", event_type, message_id or "", unique)
    row = _row(o, event_id, event_type, inbox_id=inbox_id, pod_id=pod_id, ts=ts, shards=shards)
    row |= {name: value for name, value in (("thread_id", thread_id), ("message_id", message_id)) if value is not None}
    row["payload"] = dict(payload)
    return Put(keys.event(o, inbox_id, event_type, ts, event_id), row, Absent())


def _row(o: str, event_id: str, event_type: str, *, inbox_id: str | None, pod_id: str | None, ts: int, shards: int) -> Item:
    shard = keys.shard_of(inbox_id or o, shards)
    row: Item = {
        "event_id": event_id,
        "event_type": event_type,
        "organization_id": o,
        "ts": ts,
        "by_org": keys.by_org(o, EVENTS, event_type, shard),
        "ttl": ts // 1000 + KEPT_SECONDS,
    }
    if inbox_id is not None:
        row["inbox_id"] = inbox_id
    if pod_id is not None:
        row |= {"pod_id": pod_id, "by_pod": keys.by_pod(o, pod_id, EVENTS, event_type, shard)}
    return row
