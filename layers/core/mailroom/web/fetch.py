"""GET of attachment URLs (spec: messages.md, `SendAttachment.url`). Redirects are hops like any other: each is checked again."""

from __future__ import annotations

import http.client
import re
import ssl
import time
from email.message import Message
from urllib.parse import urljoin

from mailroom.ports import FetchedFile, FetchFailed
from mailroom.web.addresses import Resolve, resolve
from mailroom.web.connection import Client, Dial, reason
from mailroom.web.target import Target, UrlRefused, parse

MAX_REDIRECTS = 5
DEADLINE_S = 20.0

_CHUNK = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "mailroom"}


class UrlFetcher:
    """Implements `ports.Fetcher`. `allow_private` is for development only."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        deadline_s: float = DEADLINE_S,
        resolve: Resolve = resolve,
        dial: Dial | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._client = Client(allow_private=allow_private, resolve=resolve, dial=dial, context=context)
        self._deadline_s = deadline_s

    def fetch(self, url: str, *, max_bytes: int) -> FetchedFile:
        """Raises FetchFailed."""
        deadline = time.monotonic() + self._deadline_s
        try:
            return self._follow(url, max_bytes, deadline)
        except FetchFailed as error:
            # What was cut at the deadline looks like a file that broke off.
            if time.monotonic() >= deadline:
                raise FetchFailed(reason(error, deadline)) from error
            raise
        except (OSError, http.client.HTTPException, ValueError, UrlRefused) as error:
            raise FetchFailed(reason(error, deadline)) from error

    def _follow(self, url: str, max_bytes: int, deadline: float) -> FetchedFile:
        for _ in range(MAX_REDIRECTS + 1):
            target = parse(url)
            with self._client.request("GET", target, headers=_HEADERS, deadline=deadline) as response:
                if response.status not in _REDIRECTS:
                    return _read(target, response, max_bytes)
                location = response.getheader("Location")
                if not location:
                    raise FetchFailed("The URL redirects to nowhere")
                url = urljoin(url, location)
        raise FetchFailed("The URL redirects too often")


def _read(target: Target, response: http.client.HTTPResponse, max_bytes: int) -> FetchedFile:
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
