"""How a connection is stored, in `eph`. Times are milliseconds.

`C#{connection}` is the truth: the credential it came with and the one filter it has. All other rows only lead to it: by the key it
was opened with, by the minute in which it is looked after, and, once it has subscribed, by each place it listens at (an inbox, a
pod, or the organization). Whoever finds a connection through one of those judges by the truth alone. So a place more than the
filter names does no harm, and a filter is changed by one update, between adding the new places and removing the old ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NotRequired, TypedDict, cast

from mailroom.callers import Caller
from mailroom.keys.standing import Session, key_caller, session_caller
from mailroom.ports import LONGEST_CONNECTION_MS
from mailroom.store import keys
from mailroom.store.port import AtMost, Delete, Item, ItemStore, Key, Put, without_key

KEPT_MS = LONGEST_CONNECTION_MS + 15 * 60 * 1000
SLOTS = 8
"""A connection is looked after once in so many minutes; the gateway closes it after 10 minutes without a frame."""
MINUTE_MS = 60_000

STALLED_MS = 60_000
"""Longer than a replay may last."""

State = Literal["silent", "replaying", "live"]


class StoredSession(TypedDict):
    scope_type: str
    scope_id: str
    expires_at: int
    permissions: NotRequired[list[str]]


class ConnectionRecord(TypedDict):
    connection_id: str
    organization_id: str
    api_key_id: str
    """The key it was opened with, or whose session token it was."""
    session: NotRequired[StoredSession]
    slot: int
    ttl: int
    """Seconds."""
    state: State
    """Nothing is pushed to a connection that is silent (has not subscribed) or replaying (gets its events from the log)."""
    gen: int
    """Counts the subscriptions."""
    errors: int
    """Frames in a row that could not be understood or granted."""
    event_types: NotRequired[list[str]]
    inbox_ids: NotRequired[list[str]]
    pod_ids: NotRequired[list[str]]
    """The filter as it was sent; what was absent is absent."""
    places: NotRequired[list[str]]
    """Partitions that lead here because of the filter."""
    live_after: NotRequired[int]
    """Nothing up to this position is pushed."""
    since: NotRequired[int]
    """When it began to replay."""
    skipped: NotRequired[int]
    """The last page that was not pushed because the connection was replaying."""


def new_connection(caller: Caller, connection_id: str, api_key_id: str, session: Session | None, now: int) -> ConnectionRecord:
    record = ConnectionRecord(
        connection_id=connection_id,
        organization_id=caller.organization_id,
        api_key_id=api_key_id,
        slot=slot_of(now),
        ttl=(now + KEPT_MS) // 1000,
        state="silent",
        gen=0,
        errors=0,
    )
    if session is not None:
        record["session"] = _stored(session)
    return record


def slot_of(now: int) -> int:
    return now // MINUTE_MS % SLOTS


def registration(record: ConnectionRecord) -> list[Put]:
    pointer = _pointer(record)
    return [
        Put(keys.connection(record["connection_id"]), cast(Item, dict(record))),
        *(Put(key, pointer) for key in _fixed_places(record)),
    ]


def removal(record: ConnectionRecord) -> list[Delete]:
    """Deletes every trace of a connection."""
    listening = [listener(place, record["connection_id"]) for place in record.get("places", ())]
    return [Delete(key) for key in (keys.connection(record["connection_id"]), *_fixed_places(record), *listening)]


def listening(record: ConnectionRecord, places: Iterable[str], gen: int) -> list[Put]:
    """Rows that lead from the places to the connection, for its subscription number `gen`."""
    return [Put(listener(place, record["connection_id"]), {**_pointer(record), "gen": gen}) for place in places]


def no_longer_listening(record: ConnectionRecord, places: Iterable[str]) -> list[Delete]:
    """Leaves alone what a later subscription put there meanwhile."""
    return [Delete(listener(place, record["connection_id"]), AtMost("gen", record["gen"])) for place in places]


def listener(place: str, connection_id: str) -> Key:
    return Key("eph", place, connection_id)


def stalled(record: ConnectionRecord, now: int) -> bool:
    """Whether whoever replayed to it is dead, so that it would stay without events."""
    return record["state"] == "replaying" and now - record.get("since", now) > STALLED_MS


def record_of(row: Item) -> ConnectionRecord:
    return cast(ConnectionRecord, without_key(row))


def load(connection_id: str, *, items: ItemStore) -> ConnectionRecord | None:
    row = items.get(keys.connection(connection_id))
    return None if row is None else record_of(row)


def forget(record: ConnectionRecord, *, items: ItemStore) -> None:
    items.write(removal(record))


def key_of(record: ConnectionRecord) -> Key:
    """The row of its API key: what the connection may do is read from there each time."""
    return keys.api_key_record(record["organization_id"], record["api_key_id"])


def caller_now(record: ConnectionRecord, key_row: Item | None, now: int) -> Caller:
    """Raises one of `standing.ENDED` where the credential has ended."""
    stored = record.get("session")
    if stored is None:
        return key_caller(key_row, now)
    return session_caller(_session(record, stored), key_row, now)


def _pointer(record: ConnectionRecord) -> dict[str, Any]:
    """Enough to read connection and key at once."""
    return {"organization_id": record["organization_id"], "api_key_id": record["api_key_id"], "ttl": record["ttl"]}


def _fixed_places(record: ConnectionRecord) -> list[Key]:
    places = (keys.connections_of_key(record["organization_id"], record["api_key_id"]), keys.keep_alive(record["slot"]))
    return [listener(place, record["connection_id"]) for place in places]


def _stored(session: Session) -> StoredSession:
    stored = StoredSession(scope_type=session.scope_type, scope_id=session.scope_id, expires_at=session.expires_at)
    if session.permissions is not None:
        stored["permissions"] = sorted(session.permissions)
    return stored


def _session(record: ConnectionRecord, stored: StoredSession) -> Session:
    permissions = frozenset(stored["permissions"]) if "permissions" in stored else None
    return Session(
        record["organization_id"],
        record["api_key_id"],
        stored["scope_type"],
        stored["scope_id"],
        permissions,
        stored["expires_at"],
    )
