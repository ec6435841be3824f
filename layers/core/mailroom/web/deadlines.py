"""Cuts connections at their deadline, also those that the other side keeps alive by dripping: one thread for all of them."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time


class Watch:
    """One connection's; `sock` is None once nobody needs it watched any more."""

    __slots__ = ("sock",)

    def __init__(self, sock: socket.socket) -> None:
        self.sock: socket.socket | None = sock

    def cut(self) -> None:
        if (sock := self.sock) is not None:
            with contextlib.suppress(OSError):
                # The plain socket's method: TLS must not be asked for consent.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


class Watchman:
    """The thread starts with the first connection and lives as long as the process."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: list[tuple[float, int, Watch]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def watch(self, sock: socket.socket, deadline: float) -> Watch:
        """`deadline` is of `time.monotonic`."""
        watch = Watch(sock)
        with self._changed:
            heapq.heappush(self._watches, (deadline, next(self._numbers), watch))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
            elif self._watches[0][2] is watch:
                self._changed.notify()
        return watch

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._watches or (ahead := self._watches[0][0] - time.monotonic()) > 0:
                    self._changed.wait(ahead if self._watches else None)
                _, _, watch = heapq.heappop(self._watches)
            watch.cut()


WATCHMAN = Watchman()
