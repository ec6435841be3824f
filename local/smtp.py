"""Mail in over SMTP: 250 is answered only after the raw mail and its place in the queue are durable (design: flows.md).

aiosmtpd speaks the protocol; DATA is read by `local.smtp_data`, because mails with long lines are to be kept as they are and a
40 MB mail must not be handled line by line.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import sqlite3
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypeVar

from aiosmtpd.smtp import SMTP, Envelope, Session

from local import feedback, notice, reports
from local.addresses import Kind, bounced_to, classify
from local.smtp_data import CHUNK, read_stuffed, undotted
from mailroom.clock import Clock
from mailroom.ids import uuid7
from mailroom.store.port import StoreError

if TYPE_CHECKING:
    from local.authentication import Authentication
    from local.blobs import LocalBlobs
    from local.queues import SqliteQueues
    from local.settings import Verdicts
    from local.store.database import Database
    from mailroom.store.port import ItemStore

T = TypeVar("T")

MAX_RECIPIENTS = 100
MAX_ERRORS = 20
MAX_CONNECTIONS = 200
MAX_MAILS_PER_CONNECTION = 10_000
TIMEOUT_S = 300

# What nearly all clients write; the parser for all else takes a tenth of the time that a mail takes here.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN_PATH = re.compile(rf"<({_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*)>(?: +([A-Za-z0-9=][A-Za-z0-9= -]*))?")

_BUSY = "451 4.3.0 Cannot store the mail now, try again later"

_log = logging.getLogger(__name__)
# aiosmtpd logs addresses and commands.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)
logging.getLogger("mail.debug").setLevel(logging.CRITICAL)


class Reception:
    """aiosmtpd's handler: who is accepted, and where the mail goes."""

    def __init__(
        self,
        *,
        database: Database,
        items: ItemStore,
        blobs: LocalBlobs,
        queues: SqliteQueues,
        executor: Executor,
        domain: str,
        verdicts: Verdicts,
        authentication: Authentication | None = None,
        clock: Clock,
    ) -> None:
        """`authentication` checks the mails where `verdicts` says so."""
        self._database = database
        self._items = items
        self._blobs = blobs
        self._queues = queues
        self._executor = executor
        self._domain = domain
        self._verdicts = verdicts
        self._authentication = authentication
        self._clock = clock

    async def handle_MAIL(self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if not _is_text(address):
            return "553 5.1.7 Malformed address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(self, server: Server, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        if not _is_text(address) or "@" not in address:
            return server.fault("550 5.1.1 No such address here")
        try:
            kind, recipient = await self.in_thread(functools.partial(self._place, address, envelope.mail_from in (None, "<>")))
        except StoreError:
            _log.exception("address lookup failed")
            return _BUSY
        if kind == "foreign":
            return server.fault("550 5.7.1 Relaying refused")
        if kind == "unknown":
            return server.fault("550 5.1.1 No such address here")
        envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 OK"

    def _place(self, address: str, of_report: bool) -> tuple[Kind, str]:
        """What the address is, and whom the mail is for. Only reports come to a return path."""
        kind = classify(address, items=self._items, domain=self._domain)
        if of_report and kind != "inbox" and (inbox := bounced_to(address, items=self._items, domain=self._domain)):
            return "inbox", inbox
        return kind, address

    async def handle_DATA(self, server: Server, session: Session, envelope: Envelope) -> str:
        raw = envelope.original_content
        assert isinstance(raw, bytes)
        sender = "" if envelope.mail_from in (None, "<>") else str(envelope.mail_from)
        try:
            checked = await self._check(raw, session, sender)
            provider_id = await self.in_thread(functools.partial(self.accept, raw, sender, tuple(envelope.rcpt_tos), checked))
        except (OSError, StoreError):
            _log.exception("cannot store a mail")
            return _BUSY
        return f"250 2.0.0 OK {provider_id}"

    async def _check(self, raw: bytes, session: Session, sender: str) -> notice.Verdicts:
        if self._authentication is None:
            return notice.PASS
        from local.authentication import Origin

        peer = session.peer[0] if isinstance(session.peer, tuple) else ""
        return await self._authentication.verdicts(raw, Origin(str(peer), session.host_name or "", sender))

    async def handle_exception(self, error: Exception) -> str:
        _log.error("SMTP command failed", exc_info=error)
        return "451 4.3.0 Internal error"

    def accept(self, raw: bytes, sender: str, recipients: tuple[str, ...], checked: notice.Verdicts = notice.PASS) -> str:
        """Returns the provider id once everything is durable. Raises OSError or StoreError where it cannot be stored."""
        now = self._clock()
        provider_id = uuid7(now).replace("-", "")
        verdicts = notice.verdicts_from_header(raw) if self._verdicts == "header" else checked
        key = notice.blob_key(provider_id)
        arrival = notice.arrival(provider_id, sender=sender, recipients=recipients, verdicts=verdicts, now_ms=now)
        report = reports.read(raw, sender)
        keep = self._blobs.staged(key, raw)

        def work(connection: sqlite3.Connection) -> None:
            keep(connection)
            self._queues.enqueue(connection, "inbound", arrival)
            if report is not None:
                for each in reports.settle(connection, report, recipients, now_ms=now):
                    self._queues.enqueue(connection, feedback.QUEUE, each)

        try:
            self._database.write(work)
        except StoreError:
            self._blobs.unstage(key)
            raise
        self._queues.ring("inbound")
        if report is not None:
            self._queues.ring(feedback.QUEUE)
        return provider_id

    async def in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)


class Server(SMTP):
    """One connection."""

    line_length_limit = CHUNK

    def __init__(self, reception: Reception, connections: set[Server], *, max_bytes: int, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            reception,
            data_size_limit=max_bytes,
            enable_SMTPUTF8=True,
            hostname="mailroom",
            ident="ESMTP",
            timeout=TIMEOUT_S,
            command_call_limit={
                "*": MAX_ERRORS,
                "MAIL": MAX_MAILS_PER_CONNECTION,
                "RCPT": 1_000_000,
                "DATA": MAX_MAILS_PER_CONNECTION,
                "RSET": MAX_MAILS_PER_CONNECTION,
                "NOOP": MAX_MAILS_PER_CONNECTION,
            },
            loop=loop,
        )
        self._reception = reception
        self._connections = connections
        self._faults = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connections.add(self)
        super().connection_made(transport)

    async def _handle_client(self) -> None:
        if len(self._connections) > MAX_CONNECTIONS:
            await self.push("421 4.7.0 Too many connections")
            self.close()
        else:
            await super()._handle_client()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        super().connection_lost(error)

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    def fault(self, answer: str) -> str:
        """The answer to a command that is refused; too many of them end the connection."""
        self._faults += 1
        if self._faults >= MAX_ERRORS:
            self.loop.call_soon(self.close)
            return "421 4.7.0 Too many errors"
        return answer

    async def smtp_VRFY(self, arg: str) -> None:
        await self.push("252 2.5.0 Cannot verify, but will take mail for it if it exists")

    async def smtp_DATA(self, arg: str | None) -> None:
        if await self.check_helo_needed():
            return
        assert self.envelope is not None
        if not self.envelope.rcpt_tos:
            await self.push("503 5.5.1 Need RCPT first")
            return
        if arg:
            await self.push("501 5.5.4 DATA takes no arguments")
            return
        await self.push("354 End data with <CR><LF>.<CR><LF>")
        data = await self._read_mail()
        if data is None:
            status = "552 5.3.4 The mail is too large"
        else:
            self.envelope.content = self.envelope.original_content = data
            status = await self._call_handler_hook("DATA")
        self._set_post_data_state()  # type: ignore[no-untyped-call]
        await self.push(status)

    async def _read_mail(self) -> bytes | None:
        """None if it is larger than the limit."""
        limit = self.data_size_limit
        assert limit is not None
        # Doubled dots do not count (RFC 1870, 5); at worst every third octet is one.
        stuffed = await read_stuffed(self._reader, limit=limit * 4 // 3 + CHUNK, alive=self._reset_timeout)
        if stuffed is None:
            return None
        if len(stuffed) <= CHUNK:
            raw = undotted(stuffed)
        else:
            raw = await self._reception.in_thread(functools.partial(undotted, stuffed))
        return raw if len(raw) <= limit else None

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        """The address and what follows it; (None, None) for what is none."""
        if plain := _PLAIN_PATH.fullmatch(arg):
            return plain[1], plain[2] or ""
        return super()._getaddr(arg)


def _is_text(address: str) -> bool:
    """Whether the octets were UTF-8 without control characters."""
    return all(character.isprintable() and not "\ud800" <= character <= "\udfff" for character in address)
