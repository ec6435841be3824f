"""A client's `subscribe` (spec: websockets.md, "Frames"): checked, then put in the place of the filter before.

Three writes, in an order that leaves no event between two filters: the rows at the new places (harmless while the truth does not
name them), the connection's row (the switch: conditional on `gen`, so that of two at once one comes after the other), the rows at
the places that are no longer named. A publisher judges by the connection's row alone, once per event: by the old filter or by the
new one.

A first subscription, and any with `after`, begins as `replaying`: nothing is pushed until the log has been read to its end
(`sockets.replay`). So nothing is sent before `subscribed`, and nothing falls between the log and the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from mailroom.callers import Caller
from mailroom.errors import NotFound, PositionExpired, RaceCondition, ValidationError
from mailroom.events import log
from mailroom.events.access import require_hearing
from mailroom.events.log import Batch, Entry
from mailroom.runtime import Runtime
from mailroom.sockets import record as rows
from mailroom.sockets.frames import LISTS, Subscribe, subscribed_text
from mailroom.sockets.hearing import hearing, places_of
from mailroom.sockets.record import ConnectionRecord
from mailroom.sockets.replay import BATCH, Replay
from mailroom.store import keys
from mailroom.store.port import Change, ConditionFailed, Equals, Item, Remove, Set, all_of

ATTEMPTS = 3
_MAX_ID = 1000
"""Characters; longer than any id, and short enough for a key."""


def subscribe(record: ConnectionRecord, wanted: Subscribe, runtime: Runtime) -> None:
    """Returns when the connection is live, or over. Raises Forbidden, NotFound, ValidationError, PositionExpired, RaceCondition:
    the filter before stays. Raises one of `standing.ENDED` where the credential has ended; SocketGone."""
    caller = _permitted(record, wanted, runtime)
    hears = hearing(caller, wanted)
    for _ in range(ATTEMPTS):
        first = _first(record, wanted, hears, runtime)
        try:
            switched = _switch(caller, record, wanted, first, runtime)
        except ConditionFailed as failed:
            if failed.item is None:
                return
            record = rows.record_of(failed.item)
            continue
        if left := set(record.get("places", ())) - set(switched["places"]):
            runtime.items.write(rows.no_longer_listening(record, left))
        Replay(switched, hears, runtime).run(subscribed_text(wanted, position=wanted.get("after")), first)
        return
    raise RaceCondition


def _permitted(record: ConnectionRecord, wanted: Subscribe, runtime: Runtime) -> Caller:
    """The caller as of now, if it may hear of all that."""
    o = record["organization_id"]
    named = [*wanted.get("pod_ids", ()), *wanted.get("inbox_ids", ())]
    if any(len(each) > _MAX_ID for each in named):
        raise NotFound
    pods = [keys.pod(o, each) for each in wanted.get("pod_ids", ())]
    inboxes = [keys.inbox(o, each.lower()) for each in wanted.get("inbox_ids", ())]
    key = rows.key_of(record)
    found = runtime.items.batch_get(list(dict.fromkeys([key, *pods, *inboxes])))
    caller = rows.caller_now(record, found.get(key), runtime.clock())
    require_hearing(caller, wanted.get("event_types"))
    if not all(_in_reach(caller, found.get(each)) for each in (*pods, *inboxes)):
        raise NotFound
    return caller


def _in_reach(caller: Caller, row: Item | None) -> bool:
    """Of a pod's or an inbox's row: it exists, is not being deleted, and lies inside the caller's scope."""
    if row is None or "state" in row:
        return False
    if caller.scope_type == "inbox":
        return row.get("inbox_id") == caller.inbox_id
    return caller.scope_type == "organization" or bool(row["pod_id"] == caller.pod_id)


def _first(record: ConnectionRecord, wanted: Subscribe, hears: Callable[[Entry], bool], runtime: Runtime) -> Batch | None:
    """Where the log is read from, with the first events behind `after`; None for a live connection that only changes its filter."""
    o = record["organization_id"]
    if "after" not in wanted:
        return None if record["state"] == "live" else Batch([], log.tail(o, items=runtime.items), False)
    try:
        return log.read_after(o, wanted["after"], items=runtime.items, limit=BATCH, wanted=hears, clock=runtime.clock)
    except log.PositionExpired as error:
        raise PositionExpired(fix="Read what you missed with GET /v0/events, then subscribe without `after`.") from error
    except log.PositionUnknown as error:
        raise ValidationError.at("after", "Not a position of this organization's events") from error


def _switch(caller: Caller, record: ConnectionRecord, wanted: Subscribe, first: Batch | None, runtime: Runtime) -> ConnectionRecord:
    """Raises ConditionFailed where another subscription came first, or the connection is gone."""
    gen, places = record["gen"] + 1, places_of(caller, wanted)
    runtime.items.write(rows.listening(record, places, gen))
    changes: list[Change] = [Set("gen", gen), Set("places", places), Set("errors", 0)]
    changes += [Set(name, cast(Any, wanted)[name]) if name in wanted else Remove(name) for name in LISTS]
    if first is not None:
        changes += [Set("state", "replaying"), Set("since", runtime.clock()), Remove("skipped")]
    unchanged = all_of(Equals("gen", record["gen"]), Equals("state", record["state"]))
    return rows.record_of(runtime.items.update(keys.connection(record["connection_id"]), changes, unchanged))
