"""Serves blobs under signed addresses (`local.links`): no credentials, one range, nothing a browser would run."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import MutableMapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, BinaryIO

from local.links import BadLink, Link, Links
from mailroom.errors import Forbidden, NotFound
from mailroom.ports import BlobMissing

if TYPE_CHECKING:
    from local.blobs import LocalBlobs
    from local.gateway import Scope, Send

_CHUNK = 256 * 1024
_RANGE = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")

Headers = list[tuple[bytes, bytes]]
Span = tuple[int, int]
"""First byte, and how many."""


class Downloads:
    def __init__(self, links: Links, blobs: LocalBlobs, *, executor: Executor) -> None:
        self._links = links
        self._blobs = blobs
        self._executor = executor

    async def serve(self, token: str, scope: Scope, send: Send, request_id: str) -> None:
        """Raises Forbidden for an address that is not ours, altered or expired; NotFound where the blob is gone."""
        try:
            link = self._links.open(token)
        except BadLink:
            raise Forbidden("The download address is not valid or has expired", fix="Fetch the attachment again.") from None
        file, size = await self._in_thread(_open, self._blobs, link.key)
        headers = [(b"x-request-id", request_id.encode())]
        try:
            await self._stream(link, file, size, headers, scope, send)
        finally:
            file.close()

    async def _stream(self, link: Link, file: BinaryIO, size: int, headers: Headers, scope: Scope, send: Send) -> None:
        asked = dict(scope["headers"]).get(b"range")
        span = (0, size) if asked is None else _span(asked, size)
        if span is None:
            headers += [(b"content-range", f"bytes */{size}".encode()), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 416, "headers": headers})
            await send({"type": "http.response.body"})
            return
        partial = span != (0, size)
        headers += _headers(link, span, size, partial)
        await send({"type": "http.response.start", "status": 206 if partial else 200, "headers": headers})
        first, left = (0, 0) if scope["method"] == "HEAD" else span
        await self._in_thread(file.seek, first)
        while left > 0:
            chunk = await self._in_thread(file.read, min(left, _CHUNK))
            left = left - len(chunk) if chunk else 0
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})

    async def _in_thread(self, work: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, work, *arguments)


def _open(blobs: LocalBlobs, key: str) -> tuple[BinaryIO, int]:
    try:
        file = blobs.open(key)
    except BlobMissing:
        raise NotFound from None
    size = file.seek(0, io.SEEK_END)
    return file, size


def _headers(link: Link, span: Span, size: int, partial: bool) -> Headers:
    headers: MutableMapping[str, str] = {
        "content-type": link.content_type,
        "content-length": str(span[1]),
        "content-disposition": link.disposition(),
        "accept-ranges": "bytes",
        "cache-control": "private, no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    if partial:
        headers["content-range"] = f"bytes {span[0]}-{span[0] + span[1] - 1}/{size}"
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


def _span(asked: bytes, size: int) -> Span | None:
    """What a Range header names (RFC 9110, 14.1.2): everything if it is not one simple range, None if it lies outside."""
    match = _RANGE.fullmatch(asked)
    if match is None or match[0] == b"bytes=-":
        return 0, size
    if not match[1]:
        length = min(int(match[2]), size)
        return (size - length, length) if length else None
    first = int(match[1])
    last = min(int(match[2]), size - 1) if match[2] else size - 1
    if match[2] and int(match[2]) < first:
        return 0, size
    return (first, last - first + 1) if first < size else None
