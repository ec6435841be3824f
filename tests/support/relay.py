"""An SMTP relay that takes mail, or answers RCPT and DATA as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from aiosmtpd.smtp import SMTP, Envelope, Session


class FakeRelay:
    def __init__(self) -> None:
        self.mails: list[Envelope] = []
        self.rcpt: dict[str, str] = {}
        """Answers by address."""
        self.sender: str | None = None
        """Answer to MAIL, instead of taking it."""
        self.data: list[str] = []
        """Answers to the next mails."""
        self.port = 0

    def run(self, ready: threading.Event, stop: threading.Event) -> None:
        asyncio.run(self._serve(ready, stop))

    async def _serve(self, ready: threading.Event, stop: threading.Event) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="relay", loop=loop), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await loop.run_in_executor(None, stop.wait)
        server.close()

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if self.sender is not None:
            return self.sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        answer = self.rcpt.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self.data.pop(0) if self.data else "250 OK"
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer


@contextlib.contextmanager
def running_relay() -> Iterator[FakeRelay]:
    server = FakeRelay()
    ready, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=server.run, args=(ready, stop))
    thread.start()
    ready.wait()
    try:
        yield server
    finally:
        stop.set()
        thread.join()
