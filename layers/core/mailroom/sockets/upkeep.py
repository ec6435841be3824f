"""Looking after connections: idle ones stay open, and none outlives its credential (spec: websockets.md, rule 5 and "Size")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mailroom.clock import Clock
from mailroom.keys.standing import ENDED
from mailroom.ports import Sockets
from mailroom.sockets import record as rows
from mailroom.sockets.ending import Ended, end, revoked, unread
from mailroom.sockets.frames import subscribed_text
from mailroom.sockets.record import ConnectionRecord, stalled
from mailroom.store import keys
from mailroom.store.port import ChangeRecord, Item, ItemStore, Key, Query

PAGE = 500
_MATTERS = ("scope_type", "scope_id", "permissions", "expires_at")


def keep_alive(*, items: ItemStore, sockets: Sockets, clock: Clock) -> int:
    """The connections of this minute get their last `subscribed` frame again, before the gateway finds them idle; those whose
    credential or session has ended, and those that do not take it, are closed. How many were kept."""
    now, kept = clock(), 0
    for listed in _pages(keys.keep_alive(rows.slot_of(now)), items=items):
        records, found = _read(listed, items=items)
        valid, ended = _divided(records, found, now)
        frames = {each["connection_id"]: [subscribed_text(each)] for each in valid if each["state"] == "live"}
        lost = set(sockets.post_all(frames))
        ended += [unread(each) for each in valid if each["connection_id"] in lost]
        end(ended, items=items, sockets=sockets)
        kept += len(frames) - len(lost)
    return kept


def close_revoked(changes: Iterable[ChangeRecord], *, items: ItemStore, sockets: Sockets) -> int:
    """After changes of credentials (`KEY#`): closes what was opened with those that are gone, or may do other things than before.
    How many connections were closed. Raises StoreBusy: all may come again."""
    closed = 0
    for change in changes:
        if change.old is not None and _matters(change.old, change.new):
            partition = keys.connections_of_key(change.old["organization_id"], change.old["api_key_id"])
            for listed in _pages(partition, items=items):
                records, _ = _read(listed, items=items)
                end([revoked(record) for record in records], items=items, sockets=sockets)
                closed += len(records)
    return closed


def forget_all(*, items: ItemStore) -> None:
    """After a restart of a gateway that kept its connections in memory: none of them is open any more."""
    for slot in range(rows.SLOTS):
        for listed in _pages(keys.keep_alive(slot), items=items):
            records, _ = _read(listed, items=items)
            items.write([action for record in records for action in rows.removal(record)])


def _matters(old: Item, new: Item | None) -> bool:
    if new is None or any(old.get(name) != new.get(name) for name in _MATTERS):
        return True
    # Not the end of a suspension: what is open by then was opened after it.
    return "suspended" in new and "suspended" not in old


def _pages(partition: str, *, items: ItemStore) -> Iterator[list[Item]]:
    query = Query("eph", partition, PAGE)
    while listed := items.query(query):
        yield listed
        if len(listed) < PAGE:
            return
        query = Query("eph", partition, PAGE, start=(partition, listed[-1]["sk"]))


def _read(listed: Sequence[Item], *, items: ItemStore) -> tuple[list[ConnectionRecord], dict[Key, Item]]:
    """The connections that some rows lead to, and everything that was read."""
    wanted = [keys.connection(row["sk"]) for row in listed]
    key_rows = dict.fromkeys(keys.api_key_record(row["organization_id"], row["api_key_id"]) for row in listed)
    found = items.batch_get([*wanted, *key_rows])
    return [rows.record_of(found[key]) for key in wanted if key in found], found


def _divided(records: Sequence[ConnectionRecord], found: dict[Key, Item], now: int) -> tuple[list[ConnectionRecord], list[Ended]]:
    valid: list[ConnectionRecord] = []
    ended: list[Ended] = []
    for record in records:
        try:
            rows.caller_now(record, found.get(rows.key_of(record)), now)
        except ENDED:
            ended.append(revoked(record))
            continue
        if stalled(record, now):
            ended.append(unread(record))
        else:
            valid.append(record)
    return valid, ended
