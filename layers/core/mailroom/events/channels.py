"""Which events a webhook, a polling webhook or a socket subscription hears of (spec: webhooks.md, "Channels")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from mailroom.events import types

MAX_CHANNELS = 10


class Heard(NamedTuple):
    """What of an event decides who hears of it."""

    event_type: str
    inbox_id: str | None
    """None: not tied to an inbox."""
    pod_id: str | None
    """None: the organization's."""


class Channels(NamedTuple):
    event_types: frozenset[str] = frozenset(types.DEFAULT)
    inbox_ids: frozenset[str] = frozenset()
    pod_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> Self:
        """Of a stored webhook or subscription: `event_types`, `inbox_ids` and `pod_ids`, each absent or a list."""
        return cls(
            frozenset(record.get("event_types") or types.DEFAULT),
            frozenset(record.get("inbox_ids") or ()),
            frozenset(record.get("pod_ids") or ()),
        )

    def hears(self, event: Heard) -> bool:
        """Inbox OR pod; without either, everything. A pod covers all its inboxes."""
        if event.event_type not in self.event_types:
            return False
        if not self.inbox_ids and not self.pod_ids:
            return True
        return event.inbox_id in self.inbox_ids or event.pod_id in self.pod_ids
