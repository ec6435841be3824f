"""What of a URL a request needs."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote, urlsplit

MAX_URL = 4096

_UNSAFE = re.compile(r"[\x00-\x20\x7f]")


class UrlRefused(Exception):
    """A URL nobody is sent to; the text says why, without inner addresses."""


class Target(NamedTuple):
    secure: bool
    host: str
    """ASCII, without the brackets of a v6 address."""
    port: int
    authority: str
    """As a Host header has it."""
    path: str
    """With the query, percent-encoded."""
    filename: str | None


def parse(url: str) -> Target:
    """Raises UrlRefused for anything but http or https without credentials."""
    try:
        return _target(url)
    except ValueError as error:
        raise UrlRefused("The URL is malformed") from error


def _target(url: str) -> Target:
    if len(url) > MAX_URL or _UNSAFE.search(url):
        raise UrlRefused("The URL is malformed")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https"):
        raise UrlRefused("The URL is not http or https")
    if parts.username is not None or parts.password is not None:
        raise UrlRefused("The URL carries credentials")
    if not parts.hostname:
        raise UrlRefused("The URL has no host")
    host = parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode("ascii")
    secure = parts.scheme == "https"
    port = parts.port if parts.port is not None else (443 if secure else 80)
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{port}"
    return Target(secure, host, port, authority, _path(parts), _last_segment(parts))


def _path(parts: SplitResult) -> str:
    path = quote(parts.path or "/", safe="%/:=&~+!$,;'@()*[]")
    return f"{path}?{quote(parts.query, safe='%/:=&?~+!$,;@()*[]')}" if parts.query else path


def _last_segment(parts: SplitResult) -> str | None:
    return unquote(parts.path.rpartition("/")[2]) or None
