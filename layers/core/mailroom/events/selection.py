"""Which events a request asks for, and where they are found by time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from mailroom.callers import Caller
from mailroom.events import types
from mailroom.events.access import require_hearing
from mailroom.events.channels import Channels
from mailroom.events.rows import EVENTS
from mailroom.events.timeline import Partition
from mailroom.keys.scopes import Route, scope_of
from mailroom.store import keys
from mailroom.store.port import ItemStore
from mailroom.webhooks.channels import Listed, or_own, require_channels


class Selection(NamedTuple):
    """Events of these types, of the inboxes or the pods; without either, of the whole organization."""

    organization_id: str
    event_types: tuple[str, ...]
    inbox_ids: tuple[str, ...]
    pod_ids: tuple[str, ...]

    def channels(self) -> Channels:
        return Channels(frozenset(self.event_types), frozenset(self.inbox_ids), frozenset(self.pod_ids))

    def partitions(self, shards: int) -> tuple[Partition, ...]:
        """In which the events' rows sort by time. An event may be in two of them, under its one sort key."""
        o = self.organization_id
        inboxes = [Partition(None, keys.events(o, each, event_type)) for event_type in self.event_types for each in self.inbox_ids]
        places = [(event_type, shard) for event_type in self.event_types for shard in range(shards)]
        pods = [Partition("by_pod", keys.by_pod(o, each, EVENTS, *place)) for place in places for each in self.pod_ids]
        if inboxes or pods:
            return (*inboxes, *pods)
        return tuple(Partition("by_org", keys.by_org(o, EVENTS, *place)) for place in places)


def selected(caller: Caller, route: Route, event_types: Sequence[str], listed: Listed, *, items: ItemStore) -> Selection:
    """Without types, all that the caller may hear of. Raises MissingPermission for a type that was named, NotFound for a pod or an
    inbox that is not there or out of reach."""
    o = caller.organization_id
    if event_types:
        require_hearing(caller, event_types)
    scope = scope_of(caller, route, items=items)
    require_channels(o, scope, listed, items=items)
    narrowed = or_own(scope, listed)
    return Selection(o, tuple(event_types) or _audible(caller), narrowed.inbox_ids, narrowed.pod_ids)


def _audible(caller: Caller) -> tuple[str, ...]:
    return tuple(each for each in types.ALL if all(caller.can(permission) for permission in types.needed(each)))
