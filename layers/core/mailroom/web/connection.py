"""One HTTP request to a public address, within a time that also holds against a dripping answer.

A name is resolved once; every address it has must be public; the connection goes to an address that was checked, so a name that
changes its address between check and use gains nothing. TLS is asked for the name.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from mailroom.web.addresses import Resolve, is_numeric, is_public, resolve, within
from mailroom.web.deadlines import WATCHMAN, Watch
from mailroom.web.target import Target, UrlRefused

Dial = Callable[[str, int, float], socket.socket]
"""(numeric address, port, timeout in seconds) -> connected socket. Raises OSError."""


class Client:
    """`allow_private` is for development only."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        dial: Dial | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.allow_private = allow_private
        self._resolve = resolve
        self._dial = dial or _dial
        self._context = context

    @contextmanager
    def request(
        self, method: str, target: Target, *, headers: Mapping[str, str], deadline: float, body: bytes | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """The answer, to be read inside. `deadline` is of `time.monotonic`; `headers` go without Host, which is the target's.

        Raises TimeoutError, UrlRefused, OSError (TLS troubles are such), http.client.HTTPException, ValueError for a header that
        cannot be sent.
        """
        connection = http.client.HTTPConnection(target.host, target.port)
        guard = _Guard(deadline)
        try:
            connection.sock = self._connect(target, guard)
            connection.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
            for name, value in {"Host": target.authority, **headers}.items():
                connection.putheader(name, value)
            _send(connection, body)
            with connection.getresponse() as response:
                yield response
            # A connection that was cut can look like one that has come to its end.
            guard.remaining()
        finally:
            guard.release()
            connection.close()

    def _connect(self, target: Target, guard: _Guard) -> socket.socket:
        error: OSError | None = None
        addresses = self._addresses(target, guard.remaining())
        for position, address in enumerate(addresses):
            try:
                # An address that swallows everything leaves the others their share of the time.
                sock = self._dial(address, target.port, guard.remaining() / (len(addresses) - position))
            except OSError as failed:
                error = failed
                continue
            return self._secured(sock, target, guard)
        raise error or OSError("no address")

    def _secured(self, sock: socket.socket, target: Target, guard: _Guard) -> socket.socket:
        try:
            if target.secure:
                self._context = self._context or ssl.create_default_context()
                sock = self._context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
            guard.watch(sock)
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except BaseException:
            sock.close()
            raise
        return sock

    def _addresses(self, target: Target, timeout: float) -> list[str]:
        """What the name resolves to. Raises UrlRefused unless all of it is public."""
        numeric = is_numeric(target.host)
        addresses = [target.host] if numeric else within(timeout, lambda: self._resolve(target.host, target.port))
        if not self.allow_private and not all(is_public(address) for address in addresses):
            raise UrlRefused("The URL does not lead to a public address")
        return addresses


def reason(error: Exception, deadline: float) -> str:
    """Why a request failed, without anything of the inside. What was cut at the deadline looks like many a failure."""
    if isinstance(error, TimeoutError) or time.monotonic() >= deadline:
        return "The URL took too long to answer"
    if isinstance(error, UrlRefused):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return "The certificate of the URL is not valid for it"
    if isinstance(error, ssl.SSLError):
        return "The URL does not speak TLS as it should"
    if isinstance(error, socket.gaierror):
        return "The name in the URL does not resolve"
    if isinstance(error, http.client.HTTPException):
        return "The URL does not speak HTTP as it should"
    return "The URL could not be reached"


class _Guard:
    """Cuts the connection at the deadline."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._watch: Watch | None = None

    def remaining(self) -> float:
        """Seconds left. Raises TimeoutError if there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, sock: socket.socket) -> None:
        sock.settimeout(self.remaining())
        self._watch = WATCHMAN.watch(sock, self._deadline)

    def release(self) -> None:
        if self._watch is not None:
            self._watch.sock = None


def _send(connection: http.client.HTTPConnection, body: bytes | None) -> None:
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    # Who has seen enough may answer before the end of the body.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        connection.endheaders(body)


def _dial(address: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout)
