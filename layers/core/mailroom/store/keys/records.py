"""The event table and the one of rows that expire."""

from __future__ import annotations

from mailroom.store.keys.parts import enc, inbox_partition
from mailroom.store.port import Key


def events(o: str, inbox_id: str | None, event_type: str) -> str:
    """None: events that are not tied to an inbox."""
    return f"{o}#EV#{event_type}" if inbox_id is None else f"{inbox_partition(o, inbox_id)}#{event_type}"


def event(o: str, inbox_id: str | None, event_type: str, ts: int, event_id: str) -> Key:
    return Key("ev", events(o, inbox_id, event_type), f"{ts:013}#{event_id}")


LABEL_EVENTS = "label"
"""`label.added` and `label.removed` share one partition per inbox, because they are read as one list."""


def log_partition(o: str) -> str:
    """An organization's events in the order of their positions: pages of pointers to the events' rows."""
    return f"{o}#LOG"


def log_page(o: str, page: int) -> Key:
    return Key("ev", log_partition(o), f"{page:012}")


def log_tail(o: str) -> Key:
    """Holds the position of an organization's last event. Apart from the pages, which expire."""
    return Key("ev", f"{o}#LOG#TAIL", "-")


def published(o: str) -> Key:
    """Holds the last page of an organization's log that was handed to its sockets."""
    return Key("eph", f"{o}#LOG", "-")


def deliveries(o: str, webhook_id: str) -> str:
    """Partition of a webhook's deliveries; sort key is the event id, which sorts by time."""
    return f"{o}#DL#{enc(webhook_id)}"


def delivery(o: str, webhook_id: str, event_id: str) -> Key:
    return Key("eph", deliveries(o, webhook_id), event_id)


def connection(connection_id: str) -> Key:
    return Key("eph", f"C#{connection_id}", "-")


def subscriptions(o: str, *, pod_id: str | None = None, inbox_id: str | None = None) -> str:
    """Partition of the sockets that listen to an inbox, a pod, or everything; sort key is the connection id."""
    if inbox_id is not None:
        return f"{o}#W#I#{enc(inbox_id)}"
    return f"{o}#W#P#{enc(pod_id)}" if pod_id is not None else f"{o}#W#O"


def connections_of_key(o: str, api_key_id: str) -> str:
    """Partition of the sockets opened with a key (or its session tokens); sort key is the connection id."""
    return f"{o}#K#{enc(api_key_id)}"


def keep_alive(slot: int) -> str:
    """Partition of the sockets that are looked after in the same minute; sort key is the connection id."""
    return f"SOCKETS#{slot}"


def idempotency(o: str, key: str) -> Key:
    return Key("eph", f"IDEM#{o}#{enc(key)}", "-")


def intent(intent_id: str) -> Key:
    return Key("eph", f"SEND#{intent_id}", "-")


def open_intents(shard: int) -> str:
    """One of 16 idx partitions of the sends whose second half is not stored yet; sort keys by `listing_sort`."""
    return f"SENDS#OPEN#{shard:x}"


def due_drafts(shard: int) -> str:
    """One of 16 idx partitions of the scheduled drafts of all organizations; sort keys by `listing_sort` of the time."""
    return f"DRAFTS#DUE#{shard:x}"


def sends_counted(o: str, window: str) -> Key:
    """The recipients of an organization's mail in a UTC day (`2025-06-16`) or month (`2025-06`)."""
    return Key("eph", f"{o}#SENT", window)


def rate(o: str, window: int) -> Key:
    return Key("eph", f"RATE#{o}", f"{window:011}")


def sign_ups(source: str, window: int) -> Key:
    """The sign-ups from one network address in an hour."""
    return Key("eph", f"SIGNUP#{enc(source)}", f"{window:011}")
