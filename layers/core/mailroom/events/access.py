"""Who may subscribe to what (spec: events.md, "Needs"; webhooks.md, "Create"; websockets.md, rule 3)."""

from __future__ import annotations

from collections.abc import Iterable

from mailroom.callers import Caller
from mailroom.errors import MissingPermission
from mailroom.events import types


def require_hearing(caller: Caller, event_types: Iterable[str] | None) -> None:
    """None or nothing stands for the default events. Raises MissingPermission, worded `<permission> is forbidden`."""
    for event_type in event_types or types.DEFAULT:
        for permission in types.needed(event_type):
            if not caller.can(permission):
                raise MissingPermission.of(permission, f"{permission} is forbidden")
