"""DNS for the checks of one mail: bounded in number and in time, because whoever sends the mail chooses whose servers are asked."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Literal

from mailroom.ports import LookupFailed, Resolver

MOST = 60
SECONDS = 10.0
"""After which nothing more is asked. A question that is under way then may take as long as the resolver gives it."""

_NAME = re.compile(r"[!-\[\]-~]{1,253}")


class Lookups:
    """Implements `ports.Resolver`. A question is asked once."""

    def __init__(self, resolver: Resolver, clock: Callable[[], float] = time.monotonic) -> None:
        self._resolver = resolver
        self._clock = clock
        self._deadline = clock() + SECONDS
        self._known: dict[tuple[str, str], tuple[str, ...] | None] = {}

    def look_up(self, name: str, kind: Literal["TXT", "CNAME", "MX", "A", "AAAA", "PTR"]) -> tuple[str, ...]:
        """Nothing for what cannot be a name. Raises LookupFailed, also when the bounds are reached."""
        name = name.rstrip(".").lower()
        if not _NAME.fullmatch(name):
            return ()
        if (name, kind) not in self._known:
            self._known[name, kind] = self._ask(name, kind)
        found = self._known[name, kind]
        if found is None:
            raise LookupFailed(f"{kind} of {name}")
        return found

    def _ask(self, name: str, kind: Literal["TXT", "CNAME", "MX", "A", "AAAA", "PTR"]) -> tuple[str, ...] | None:
        if len(self._known) >= MOST or self._clock() > self._deadline:
            return None
        try:
            return self._resolver.look_up(name, kind)
        except LookupFailed:
            return None
