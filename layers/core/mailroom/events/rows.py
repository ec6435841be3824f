"""Rows of the event log, written in the transaction that changes state (design: data.md, `ev`)."""

from __future__ import annotations

from collections.abc import Sequence

from mailroom import ids
from mailroom.messages.record import MessageRecord
from mailroom.store import keys
from mailroom.store.port import Item, Put

KEPT_SECONDS = 92 * 24 * 3600
EVENTS = "E"
"""Kind in the pod and organization partitions of events."""


def message_event(o: str, record: MessageRecord, event_type: str, *, ts: int, shards: int, recipients: Sequence[str] = ()) -> Put:
    """The row of an event of one message. Key and id are derived from the message, so a repeat writes the same row again."""
    event_id = ids.event_id(ts, o, record["inbox_id"], event_type, record["message_id"], record["uid"])
    row: Item = {
        "event_id": event_id,
        "event_type": event_type,
        "organization_id": o,
        "pod_id": record["pod_id"],
        "inbox_id": record["inbox_id"],
        "thread_id": record["thread_id"],
        "message_id": record["message_id"],
        "ts": ts,
        "by_pod": keys.by_pod(o, record["pod_id"], EVENTS, event_type, keys.shard_of(record["inbox_id"], shards)),
        "by_org": keys.by_org(o, EVENTS, event_type, keys.shard_of(record["inbox_id"], shards)),
        "ttl": ts // 1000 + KEPT_SECONDS,
    }
    if recipients:
        row["recipients"] = list(recipients)
    return Put(keys.event(o, record["inbox_id"], event_type, ts, event_id), row)
