"""Asking the mail provider within a caller's request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mailroom import log
from mailroom.errors import ServiceUnavailable, Unprocessable
from mailroom.ports import IdentityRefused, Queues

QUEUE = "domains"
LATER_S = 60
"""Longer than any request that may still need the identity."""


@contextmanager
def asking() -> Iterator[None]:
    """Raises Unprocessable for what the provider refuses, ServiceUnavailable for anything else (`ports.Identities`: try again)."""
    try:
        yield
    except IdentityRefused as refused:
        raise Unprocessable(str(refused)) from refused
    except Exception as error:
        log.logger.exception("mail provider failed")
        raise ServiceUnavailable("The mail provider did not answer", retry_after=2) from error


def remove_later(o: str, domain: str, *, queues: Queues) -> None:
    """Has the identity removed, unless the domain is registered by then."""
    queues.send(QUEUE, {**check_request(o, domain), "remove": True}, delay_s=LATER_S)


def check_request(o: str, domain: str) -> Mapping[str, Any]:
    """The message that has a domain checked now."""
    return {"organization_id": o, "domain": domain}
