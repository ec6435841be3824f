"""What DynamoDB's time to live and S3's lifecycle rules do on AWS: forgets expired rows and raw arrivals long since taken in."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from mailroom.clock import Clock
from mailroom.store.port import StoreBusy

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.store.sqlite import SqliteItemStore

EVERY_S = 600
KEPT_S = 30 * 24 * 3600
"""Longer than anything stays in a queue or the outbox; by then an inbox has its own copy."""

_log = logging.getLogger(__name__)


class Housekeeping:
    def __init__(self, items: SqliteItemStore, blobs: LocalBlobs, *, clock: Clock) -> None:
        self._items = items
        self._blobs = blobs
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()

    def clean(self) -> None:
        self._items.sweep_expired(self._clock())
        for prefix in ("ses/", "outbox/"):
            self._blobs.expire(prefix, older_than_s=KEPT_S)

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            try:
                self.clean()
            except (OSError, StoreBusy):
                _log.exception("housekeeping failed")
