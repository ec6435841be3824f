"""Signed download addresses: everything the answer depends on is inside the signature."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from mailroom.clock import Clock
from mailroom.downloads import DEFAULT_TYPE, disposition, shown_inline

PATH = "/blobs/"

_CONTENT_TYPE = re.compile(
    r"[A-Za-z0-9!#$&^_.+-]{1,127}/[A-Za-z0-9!#$&^_.+-]{1,127}(?:; ?[A-Za-z0-9!#$&^_.+-]+=[\"A-Za-z0-9 !#$&^_.+:/'()-]+)*"
)


class BadLink(Exception):
    """The address was not made here, was altered, or has expired."""


@dataclass(frozen=True, slots=True)
class Link:
    key: str
    filename: str | None
    content_type: str
    inline: bool

    def disposition(self) -> str:
        """Content-Disposition, the same as on AWS."""
        return disposition(self.filename, inline=self.inline and shown_inline(self.content_type))


class Links:
    def __init__(self, secret: bytes, *, base: Callable[[], str], clock: Clock) -> None:
        self._secret = secret
        self._base = base
        self._clock = clock

    def url(self, key: str, *, filename: str | None, content_type: str | None, inline: bool, seconds: int) -> str:
        expires = self._clock() // 1000 + seconds
        payload = json.dumps([key, expires, filename, content_type, inline], separators=(",", ":")).encode()
        return f"{self._base()}{PATH}{_encode(payload)}.{_encode(self._sign(payload))}"

    def open(self, token: str) -> Link:
        """Raises BadLink."""
        try:
            payload, signature = (_decode(part) for part in token.split("."))
        except (ValueError, binascii.Error):
            raise BadLink from None
        if not hmac.compare_digest(signature, self._sign(payload)):
            raise BadLink
        key, expires, filename, content_type, inline = json.loads(payload)
        if self._clock() // 1000 >= expires:
            raise BadLink
        known = content_type if content_type and _CONTENT_TYPE.fullmatch(content_type) else DEFAULT_TYPE
        return Link(key, filename, known, inline)

    def _sign(self, payload: bytes) -> bytes:
        return hmac.digest(self._secret, payload, hashlib.sha256)


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(text: str) -> bytes:
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _encode(raw) != text:
        raise ValueError("not the shortest form")
    return raw
