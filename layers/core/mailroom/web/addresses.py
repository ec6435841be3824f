"""Which addresses belong to the open internet, and what a name resolves to."""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Callable

Resolve = Callable[[str, int], list[str]]
"""(host, port) -> numeric addresses. Raises OSError."""

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


def resolve(host: str, port: int) -> list[str]:
    """By the system's resolver. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def within(timeout: float, work: Callable[[], list[str]]) -> list[str]:
    """Does what may hang, as the system's resolver does, for so many seconds. Raises TimeoutError, or what `work` raises."""
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


def is_numeric(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
