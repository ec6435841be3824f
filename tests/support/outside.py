"""The world's mail servers, as one SMTP server on loopback that takes everything."""

from __future__ import annotations

import asyncio
import email
import email.policy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session


class Outside:
    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        """Envelope recipients and mail, as they came."""
        self.address = ("127.0.0.1", 0)
        self._ready, self._stop = threading.Event(), threading.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        parsed = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append((list(envelope.rcpt_tos), parsed))
        return "250 OK"

    async def serve(self) -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: SMTP(self, hostname="outside", loop=loop), "127.0.0.1", 0)
        self.address = server.sockets[0].getsockname()[:2]
        self._ready.set()
        await loop.run_in_executor(None, self._stop.wait)
        server.close()

    @classmethod
    @contextmanager
    def open(cls) -> Iterator[Outside]:
        outside = cls()
        thread = threading.Thread(target=lambda: asyncio.run(outside.serve()))
        thread.start()
        outside._ready.wait()
        try:
            yield outside
        finally:
            outside._stop.set()
            thread.join()
