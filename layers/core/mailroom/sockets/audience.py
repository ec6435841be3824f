"""Who hears of the events of one page: those found at the places it touches, judged by filter, credential and state."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import cast

from mailroom.callers import Caller
from mailroom.events.log import Entry, Page
from mailroom.keys.standing import ENDED
from mailroom.sockets import record as rows
from mailroom.sockets.ending import Ended, revoked, unread
from mailroom.sockets.frames import LISTS
from mailroom.sockets.hearing import hearing
from mailroom.sockets.record import ConnectionRecord
from mailroom.store import keys
from mailroom.store.port import AtMost, Equals, Item, ItemStore, Key, Lacks, Set, Update, all_of, any_of

ATTEMPTS = 5


class Audience:
    """`wanted`: connection id -> the entries to be sent there, in order."""

    def __init__(self, page: Page, *, items: ItemStore, now: int) -> None:
        self._page = page
        self._items = items
        self._now = now
        self._callers: dict[str, Caller] = {}
        # Most of a crowd has the same filter.
        self._heard: dict[tuple[Hashable, ...], list[Entry]] = {}
        self.wanted: dict[str, list[Entry]] = {}
        self.records: dict[str, ConnectionRecord] = {}
        self.ended: list[Ended] = []

    def admit(self, listeners: Mapping[str, str]) -> None:
        """`listeners`: connection id -> id of its API key. Raises StoreBusy."""
        left = dict(listeners)
        for _ in range(ATTEMPTS):
            found = self._items.batch_get(self._keys(left))
            skipping = [record for record in self._known(left, found) if self._admit(record, found)]
            left = {each["connection_id"]: each["api_key_id"] for each in self._not_skipped(skipping)}
            if not left:
                return
        self.ended += [unread(self.records[each]) for each in left]

    def _keys(self, listeners: Mapping[str, str]) -> list[Key]:
        o = self._page.organization_id
        key_rows = [keys.api_key_record(o, each) for each in dict.fromkeys(listeners.values())]
        return [*map(keys.connection, listeners), *key_rows]

    def _known(self, listeners: Iterable[str], found: Mapping[Key, Item]) -> list[ConnectionRecord]:
        """Rows that lead to a connection which is gone expire with it."""
        known = [rows.record_of(found[key]) for each in listeners if (key := keys.connection(each)) in found]
        self.records.update((record["connection_id"], record) for record in known)
        return known

    def _admit(self, record: ConnectionRecord, found: Mapping[Key, Item]) -> bool:
        """Whether the page must be noted as skipped."""
        try:
            caller = self._caller(record, found)
        except ENDED:
            self.ended.append(revoked(record))
            return False
        entries = self._heard_by(caller, record)
        if record["state"] == "replaying" and entries:
            return self._must_skip(record)
        after = record.get("live_after", 0)
        if record["state"] == "live" and (behind := [entry for entry in entries if entry.position > after]):
            self.wanted[record["connection_id"]] = behind
        return False

    def _heard_by(self, caller: Caller, record: ConnectionRecord) -> list[Entry]:
        kind = (caller, *(tuple(cast(Item, record).get(name, ())) for name in LISTS))
        if kind not in self._heard:
            self._heard[kind] = list(filter(hearing(caller, record), self._page.entries))
        return self._heard[kind]

    def _caller(self, record: ConnectionRecord, found: Mapping[Key, Item]) -> Caller:
        key = rows.key_of(record)
        if "session" in record:
            return rows.caller_now(record, found.get(key), self._now)
        if key.sk not in self._callers:
            self._callers[key.sk] = rows.caller_now(record, found.get(key), self._now)
        return self._callers[key.sk]

    def _must_skip(self, record: ConnectionRecord) -> bool:
        if rows.stalled(record, self._now):
            self.ended.append(unread(record))
            return False
        return record.get("skipped", 0) < self._page.page

    def _not_skipped(self, records: list[ConnectionRecord]) -> list[ConnectionRecord]:
        """Notes the page on connections that replay; those which changed meanwhile must be judged again."""
        noted = self._items.write([self._skip(record) for record in records]) if records else []
        return [record for record, done in zip(records, noted, strict=True) if not done]

    def _skip(self, record: ConnectionRecord) -> Update:
        page = self._page.page
        still = all_of(
            Equals("gen", record["gen"]),
            Equals("state", "replaying"),
            any_of(Lacks("skipped"), AtMost("skipped", page)),
        )
        return Update(keys.connection(record["connection_id"]), (Set("skipped", page),), still)
