"""GET of attachment URLs, so that nobody reaches a private network through us (spec: messages.md, `SendAttachment.url`).

A name is resolved once per hop; every address it has must be public; the connection goes to an address that was checked, so a name
that changes its address between check and use gains nothing. Redirects are hops like any other.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import queue
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from mailroom.ports import FetchedFile, FetchFailed

MAX_REDIRECTS = 5
DEADLINE_S = 20.0
MAX_URL = 4096

Resolve = Callable[[str, int], list[str]]
"""(host, port) -> numeric addresses. Raises OSError."""
Dial = Callable[[str, int, float], socket.socket]
"""(numeric address, port, timeout in seconds) -> connected socket. Raises OSError."""

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_UNSAFE = re.compile(r"[\x00-\x20\x7f]")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Ways to write a v4 address in v6, and blocks that lead somewhere else than they say.
_REFUSED_V6 = tuple(
    ipaddress.IPv6Network(block)
    for block in ("::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10")
)
_REFUSED_V4 = tuple(ipaddress.IPv4Network(block) for block in ("192.0.0.0/24", "192.88.99.0/24"))


def is_public(address: str) -> bool:
    """Whether a numeric address belongs to the open internet, whichever way it is written."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.scope_id is not None or ip.is_site_local:
            return False
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        refused = any(ip in block for block in _REFUSED_V6)
    else:
        refused = any(ip in block for block in _REFUSED_V4)
    return ip.is_global and not (refused or ip.is_multicast or ip.is_reserved or ip.is_unspecified)


class UrlFetcher:
    """Implements `ports.Fetcher`. `allow_private` is for development only."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        deadline_s: float = DEADLINE_S,
        resolve: Resolve | None = None,
        dial: Dial | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._deadline_s = deadline_s
        self._resolve = resolve or _resolve
        self._dial = dial or _dial
        self._context = context

    def fetch(self, url: str, *, max_bytes: int) -> FetchedFile:
        """Raises FetchFailed."""
        deadline = time.monotonic() + self._deadline_s
        try:
            return self._follow(url, max_bytes, deadline)
        except (OSError, http.client.HTTPException, ValueError, FetchFailed) as error:
            if time.monotonic() >= deadline:
                raise FetchFailed("The URL took too long to answer") from error
            if isinstance(error, FetchFailed):
                raise
            raise FetchFailed("The URL could not be fetched") from error

    def _follow(self, url: str, max_bytes: int, deadline: float) -> FetchedFile:
        for _ in range(MAX_REDIRECTS + 1):
            target = _target(url)
            with self._get(target, deadline) as response:
                if response.status not in _REDIRECTS:
                    return _read(target, response, max_bytes)
                location = response.getheader("Location")
                if not location:
                    raise FetchFailed("The URL redirects to nowhere")
                url = urljoin(url, location)
        raise FetchFailed("The URL redirects too often")

    @contextmanager
    def _get(self, target: _Target, deadline: float) -> Iterator[http.client.HTTPResponse]:
        connection = http.client.HTTPConnection(target.host, target.port)
        guard = _Guard(deadline)
        try:
            connection.sock = self._connect(target, guard)
            connection.putrequest("GET", target.path, skip_host=True, skip_accept_encoding=True)
            for name, value in (("Host", target.authority), ("Accept-Encoding", "identity"), ("User-Agent", "mailroom")):
                connection.putheader(name, value)
            connection.endheaders()
            response = connection.getresponse()
            with response:
                yield response
            # A connection that was cut can look like one that has come to its end.
            guard.remaining()
        finally:
            guard.release()
            connection.close()

    def _connect(self, target: _Target, guard: _Guard) -> socket.socket:
        error: OSError | None = None
        for address in self._addresses(target, guard.remaining()):
            try:
                sock = self._dial(address, target.port, guard.remaining())
            except OSError as failed:
                error = failed
                continue
            return self._secured(sock, target, guard)
        raise error or OSError("no address")

    def _secured(self, sock: socket.socket, target: _Target, guard: _Guard) -> socket.socket:
        try:
            if target.secure:
                context = self._context or ssl.create_default_context()
                sock = context.wrap_socket(sock, server_hostname=target.host, do_handshake_on_connect=False)
            guard.watch(sock)
            if isinstance(sock, ssl.SSLSocket):
                sock.do_handshake()
        except BaseException:
            sock.close()
            raise
        return sock

    def _addresses(self, target: _Target, timeout: float) -> list[str]:
        """What the name resolves to. Raises FetchFailed unless all of it is public."""
        addresses = _within(timeout, lambda: self._resolve(target.host, target.port))
        if not self._allow_private and not all(is_public(address) for address in addresses):
            raise FetchFailed("The URL does not lead to a public address")
        return addresses


class _Target(NamedTuple):
    secure: bool
    host: str
    port: int
    authority: str
    path: str
    filename: str | None


class _Guard:
    """Cuts the connection at the deadline, also when the other side keeps it alive by dripping."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._timer: threading.Timer | None = None

    def remaining(self) -> float:
        """Seconds left. Raises TimeoutError if there are none."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, sock: socket.socket) -> None:
        sock.settimeout(self.remaining())
        self._timer = threading.Timer(self.remaining(), _cut, [sock])
        self._timer.daemon = True
        self._timer.start()

    def release(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


def _cut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # The plain socket's method: TLS must not be asked for consent.
        socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _target(url: str) -> _Target:
    if len(url) > MAX_URL or _UNSAFE.search(url):
        raise FetchFailed("The URL is malformed")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise FetchFailed("The URL is not http or https")
    if parts.username is not None or parts.password is not None:
        raise FetchFailed("The URL carries credentials")
    if not parts.hostname:
        raise FetchFailed("The URL has no host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    secure = parts.scheme == "https"
    port = parts.port if parts.port is not None else (443 if secure else 80)
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{port}"
    return _Target(secure, host, port, authority, _path(parts), _last_segment(parts))


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="%/:=&~+!$,;'@()*[]")
    return f"{path}?{quote(parts.query, safe='%/:=&?~+!$,;@()*[]')}" if parts.query else path


def _last_segment(parts: SplitResult) -> str | None:
    return unquote(parts.path.rpartition("/")[2]) or None


def _read(target: _Target, response: http.client.HTTPResponse, max_bytes: int) -> FetchedFile:
    if not 200 <= response.status < 300:
        raise FetchFailed(f"The URL answered {response.status}")
    if response.getheader("Content-Encoding", "identity").strip().lower() not in ("identity", ""):
        raise FetchFailed("The URL answered with a compressed body")
    if (response.length or 0) > max_bytes:
        raise FetchFailed("The file behind the URL is too large")
    declared = response.length
    chunks: list[bytes] = []
    size = 0
    while chunk := response.read1(_CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise FetchFailed("The file behind the URL is too large")
        chunks.append(chunk)
    if declared is not None and size != declared:
        raise FetchFailed("The URL broke off")
    return FetchedFile(b"".join(chunks), _content_type(response), _filename(response) or target.filename)


def _content_type(response: http.client.HTTPResponse) -> str | None:
    header = response.getheader("Content-Type")
    return header.partition(";")[0].strip().lower() or None if header else None


def _filename(response: http.client.HTTPResponse) -> str | None:
    message = Message()
    message["Content-Disposition"] = response.getheader("Content-Disposition", "attachment")
    name = message.get_filename()
    return re.split(r"[/\\]", name)[-1] or None if name else None


def _within(timeout: float, work: Callable[[], list[str]]) -> list[str]:
    """The system's resolver has no timeout of its own."""
    answers: queue.SimpleQueue[list[str] | OSError] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put(work())
        except OSError as error:
            answers.put(error)
        except UnicodeError as error:
            answers.put(OSError(str(error)))

    threading.Thread(target=run, name="resolve", daemon=True).start()
    try:
        answer = answers.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError from None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _dial(address: str, port: int, timeout: float) -> socket.socket:
    return socket.create_connection((address, port), timeout=timeout)
