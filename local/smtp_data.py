"""What follows SMTP's DATA: the mail up to its end mark, in a time and memory that do not depend on how it is written.

Only CRLF.CRLF ends a mail; bare CR and LF are content (RFC 5321, 2.3.8 and 4.1.1.4).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

CHUNK = 64 * 1024
_LINE_END = b"\r\n"
_END = b"\r\n.\r\n"
# Senders also double dots behind a bare LF; those only go in pairs.
_DOUBLED = re.compile(rb"\n\.(?<!\r\n\.)(?=\.)")


async def read_stuffed(reader: asyncio.StreamReader, *, limit: int, alive: Callable[[], object]) -> bytes | None:
    """The mail behind the line end of DATA itself, dots still doubled; None if there was more than `limit` bytes, which are read
    and thrown away. What follows the end mark stays in the reader. Raises IncompleteReadError where the client goes away."""
    data, searched, too_large = bytearray(_LINE_END), 0, False
    while (end := data.find(_END, searched)) < 0:
        too_large = too_large or len(data) > limit
        if too_large:
            del data[: 1 - len(_END)]
        searched = max(0, len(data) + 1 - len(_END))
        alive()
        chunk = await reader.read(CHUNK)
        if not chunk:
            raise asyncio.IncompleteReadError(b"", None)
        data += chunk
    _give_back(reader, data[end + len(_END) :])
    del data[end + len(_LINE_END) :]
    return None if too_large else bytes(data)


def undotted(stuffed: bytes) -> bytes:
    """The mail with the sender's dot-stuffing taken back (RFC 5321, 4.5.2), of what `read_stuffed` returned."""
    if b"\n.." in stuffed:
        stuffed = _DOUBLED.sub(b"\n", stuffed)
    return stuffed.replace(b"\r\n.", _LINE_END)[len(_LINE_END) :]


def _give_back(reader: asyncio.StreamReader, rest: bytearray) -> None:
    """Streams have no way to look ahead, and reading up to each possible end mark costs a call for each line of a hostile mail."""
    reader._buffer[:0] = rest  # type: ignore[attr-defined]
