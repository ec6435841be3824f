"""From the log to the stream without gap or double (docs/decisions/0011).

While a connection is `replaying`, a publisher notes the page's number on it (`skipped`), and pushes nothing.
Pages are in the log before they are pushed. So when the log has been read to its end, the connection goes live on one condition:
that no page behind that end was skipped meanwhile; else the log is read on. From then on, what lies behind `live_after` is pushed,
and only that. The frames keep that order: the gateway took each of the replay before the connection went live.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from mailroom.events.log import Batch, Entry, read_after
from mailroom.events.positions import page_of
from mailroom.events.render import Contents
from mailroom.events.sizes import frame_text
from mailroom.ports import SocketBusy
from mailroom.runtime import Runtime
from mailroom.sockets.record import ConnectionRecord, forget, load
from mailroom.store import keys
from mailroom.store.port import AtMost, ConditionFailed, Equals, Lacks, Remove, Set, all_of, any_of

BATCH = 50
RENDERED = 10
"""Events in memory at once: each may be as large as its mail."""
LONGEST_S = 20
"""The gateway waits no longer than 29 s for a function. What a client cannot be sent in that time it gets after reconnecting."""
_PAUSE_S = 0.05


class OutOfTime(Exception):
    """There is more than fits into one invocation, or the client reads too slowly."""


class Replay:
    """What one subscription is sent before it is live."""

    def __init__(self, record: ConnectionRecord, hears: Callable[[Entry], bool], runtime: Runtime) -> None:
        self._record = record
        self._hears = hears
        self._runtime = runtime
        self._until = time.monotonic() + LONGEST_S

    def run(self, greeting: str, first: Batch | None) -> None:
        """Sends the greeting and, unless the connection is live already (`first` is None), all events up to now. Raises SocketGone.

        Out of time the connection is closed with 1001, after the last frame that was sent: the client resumes behind that one.
        """
        try:
            self._send(greeting)
            if first is not None:
                self._run(first)
        except OutOfTime:
            self._runtime.sockets.close(self._record["connection_id"], 1001, "Resume behind the last position")
            forget(self._record, items=self._runtime.items)

    def _run(self, batch: Batch) -> None:
        """The first batch was read before anyone was told to note what is skipped, so the log is always read once more."""
        self._send_events(batch.entries)
        while self._is_current():
            batch = self._read(batch.position)
            self._send_events(batch.entries)
            if batch.done and self._go_live(batch.position):
                return

    def _read(self, after: int) -> Batch:
        items, clock = self._runtime.items, self._runtime.clock
        return read_after(self._record["organization_id"], after, items=items, limit=BATCH, wanted=self._hears, clock=clock)

    def _is_current(self) -> bool:
        """Another subscription of the client may have taken over."""
        stored = load(self._record["connection_id"], items=self._runtime.items)
        return stored is not None and stored["gen"] == self._record["gen"]

    def _go_live(self, position: int) -> bool:
        nothing_behind = any_of(Lacks("skipped"), AtMost("skipped", page_of(position)))
        key = keys.connection(self._record["connection_id"])
        changes = (Set("state", "live"), Set("live_after", position), Remove("skipped"), Remove("since"))
        try:
            self._runtime.items.update(key, changes, all_of(Equals("gen", self._record["gen"]), nothing_behind))
        except ConditionFailed:
            return False
        return True

    def _send_events(self, entries: Sequence[Entry]) -> None:
        contents = Contents(items=self._runtime.items, blobs=self._runtime.blobs)
        for start in range(0, len(entries), RENDERED):
            for event in contents.events(entries[start : start + RENDERED]).values():
                self._send(frame_text(event))

    def _send(self, text: str) -> None:
        """Waits for a client that reads slowly. Raises OutOfTime, SocketGone."""
        while time.monotonic() < self._until:
            try:
                self._runtime.sockets.post(self._record["connection_id"], text)
                return
            except SocketBusy:
                time.sleep(_PAUSE_S)
        raise OutOfTime
