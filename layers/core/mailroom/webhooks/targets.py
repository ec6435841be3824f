"""Where a webhook may be delivered to, as far as its URL tells; what its name resolves to is looked at before each delivery."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mailroom.config import Config
from mailroom.errors import ValidationError

MAX_URL = 2048

_UNSAFE = re.compile(r"[^\x21-\x7e]|\\")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)(\.(0x[0-9a-f]*|[0-9]+)){0,3}", re.IGNORECASE)


def well_formed(url: str) -> str:
    """Raises ValueError, worded for the caller."""
    if _UNSAFE.search(url):
        raise ValueError("Must be percent-encoded: no spaces, no backslashes, nothing beyond ASCII")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError("Must be a URL") from None
    if parts.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError("Must be an https URL with a host")
    if "@" in parts.netloc:
        raise ValueError("Must not contain credentials; use custom headers")
    return url


def refuse_target(url: str, *, config: Config) -> None:
    """Raises ValidationError for http and for private addresses, however they are written, unless the deployment allows them."""
    if config.webhook_allow_private:
        return
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise ValidationError.at("url", "Must be an https URL")
    if _is_private(parts.hostname or ""):
        raise ValidationError.at("url", "Must not lead to a private address")


def _is_private(host: str) -> bool:
    host = host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    if not _NUMERIC.fullmatch(host) and ":" not in host:
        return False
    # Only literal addresses need what comes with the network modules.
    from mailroom.web.addresses import is_public

    return not is_public(_written_plainly(host))


def _written_plainly(host: str) -> str:
    """Resolvers also take v4 addresses as one number, in hexadecimal and in octal."""
    import socket

    try:
        return host if ":" in host else socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return host
