"""Looks after an eighth of the connections: every minute."""

from __future__ import annotations

from mailroom.runtime import Event, Runtime, worker
from mailroom.sockets.upkeep import keep_alive


@worker
def handler(event: Event, runtime: Runtime) -> dict[str, int]:
    return {"kept": keep_alive(items=runtime.items, sockets=runtime.sockets, clock=runtime.clock)}
