"""Events as every channel shows them: one envelope (spec: events.md), with the position in the organization's log.

What an event shows depends on its row and on bodies that never change, so each rendering gives the same. Bodies of a message that
was deleted meanwhile are gone: the log keeps no deleted content alive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mailroom.clock import to_wire
from mailroom.events import types
from mailroom.events.log import Entry
from mailroom.events.snapshot import thaw
from mailroom.messages.bodies import unpack
from mailroom.messages.record import Bodies
from mailroom.ports import BlobMissing, BlobStore
from mailroom.store import keys
from mailroom.store.port import Item, ItemStore, Key

_IDS = ("inbox_id", "thread_id", "message_id")
_REMEMBERED_BYTES = 8 * 1024 * 1024


class Contents:
    """Reads what events show, each row once, and each body once (as many as have 8 MB, compressed). Lives for one invocation."""

    def __init__(self, *, items: ItemStore, blobs: BlobStore) -> None:
        self._items = items
        self._blobs = blobs
        self._rows: dict[Key, Item | None] = {}
        self._packed: dict[str, bytes | None] = {}
        self._room = _REMEMBERED_BYTES

    def events(self, entries: Sequence[Entry]) -> dict[int, dict[str, Any]]:
        """By position, without those whose row is gone: their inbox was deleted. Bodies can be large: ask for few at once."""
        wanted = [entry.key for entry in entries if entry.key not in self._rows]
        if wanted:
            found = self._items.batch_get(wanted)
            self._rows |= {key: found.get(key) for key in wanted}
        rows = {entry.position: row for entry in entries if (row := self._rows[entry.key]) is not None}
        return dict(zip(rows, self.of_rows(list(rows.values())), strict=True))

    def of_rows(self, rows: Sequence[Item]) -> list[dict[str, Any]]:
        """One envelope for each row of an event; without `position` where none is assigned yet."""
        packed = self._bodies_of(rows)
        return [envelope(row, unpack(data) if (data := packed.get(row["event_id"])) else Bodies()) for row in rows]

    def _bodies_of(self, rows: Sequence[Item]) -> dict[str, bytes | None]:
        """Compressed bodies by event id."""
        unread = [row for row in rows if row["event_id"] not in self._packed]
        packed = self._from_items([row for row in unread if row.get("body") == "item"])
        packed |= {row["event_id"]: self._from_blob(row) for row in unread if row.get("body") == "blob"}
        for event_id, data in packed.items():
            self._room -= len(data or b"")
            if self._room >= 0:
                self._packed[event_id] = data
        return self._packed | packed

    def _from_items(self, rows: Sequence[Item]) -> dict[str, bytes | None]:
        if not rows:
            return {}
        where = {row["event_id"]: _body_key(row) for row in rows}
        found = self._items.batch_get(list(dict.fromkeys(where.values())))
        return {row["event_id"]: _own(row, found.get(where[row["event_id"]])) for row in rows}

    def _from_blob(self, row: Item) -> bytes | None:
        try:
            return self._blobs.get(keys.blob_body(row["organization_id"], row["inbox_id"], row["uid"]))
        except BlobMissing:
            return None


def envelope(row: Mapping[str, Any], bodies: Bodies) -> dict[str, Any]:
    """The event of a row."""
    event_type = row["event_type"]
    event: dict[str, Any] = {"type": "event", "event_type": event_type, "event_id": row["event_id"]}
    if types.carries_message(event_type):
        shown = thaw(bytes(row["frozen"]))
        event |= {"message": shown["message"] | bodies, "thread": shown["thread"]}
    elif event_type == types.DOMAIN_VERIFIED:
        event["domain"] = row["payload"]
    else:
        known = {name: row[name] for name in _IDS if name in row}
        event[types.PAYLOAD[event_type]] = {**known, "timestamp": to_wire(row["ts"]), **row["payload"]}
    if "pos" in row:
        event["position"] = row["pos"]
    return event


def _body_key(row: Item) -> Key:
    return keys.body(keys.message(row["organization_id"], row["inbox_id"], row["message_id"]))


def _own(row: Item, body: Item | None) -> bytes | None:
    """Not those of a later message with the same id."""
    return bytes(body["data"]) if body is not None and body.get("uid") == row["uid"] else None
