"""Which events a connection hears of, and where publishers find it: its filter, within what its credential may read now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mailroom.callers import Caller
from mailroom.events import types
from mailroom.events.channels import Channels
from mailroom.events.log import Entry
from mailroom.store import keys


def hearing(caller: Caller, subscription: Mapping[str, Any]) -> Callable[[Entry], bool]:
    """Of a `subscribe` frame or a connection's row. Whatever the filter says, nothing outside the scope is heard of."""
    channels = Channels.of(subscription)
    channels = channels._replace(
        event_types=frozenset(each for each in channels.event_types if all(map(caller.can, types.needed(each)))),
        inbox_ids=frozenset(each.lower() for each in channels.inbox_ids),
    )

    def hears(entry: Entry) -> bool:
        if caller.scope_type == "pod" and entry.pod_id != caller.pod_id:
            return False
        if caller.scope_type == "inbox" and entry.inbox_id != caller.inbox_id:
            return False
        return channels.hears(entry.heard)

    return hears


def places_of(caller: Caller, subscription: Mapping[str, Any]) -> list[str]:
    """Partitions at which publishers find the connection. Without ids: that of the credential's scope."""
    o = caller.organization_id
    places = [keys.subscriptions(o, inbox_id=each.lower()) for each in subscription.get("inbox_ids") or ()]
    places += [keys.subscriptions(o, pod_id=each) for each in subscription.get("pod_ids") or ()]
    if places:
        return list(dict.fromkeys(places))
    if caller.scope_type == "inbox":
        return [keys.subscriptions(o, inbox_id=caller.inbox_id)]
    return [keys.subscriptions(o, pod_id=caller.pod_id if caller.scope_type == "pod" else None)]


def places_touched(o: str, entries: Iterable[Entry]) -> list[str]:
    """Partitions at which those stand who may want to hear of some of the entries."""
    places = [keys.subscriptions(o)]
    for entry in entries:
        if entry.pod_id is not None:
            places.append(keys.subscriptions(o, pod_id=entry.pod_id))
        if entry.inbox_id is not None:
            places.append(keys.subscriptions(o, inbox_id=entry.inbox_id))
    return list(dict.fromkeys(places))
