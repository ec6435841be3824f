"""Asking the mail provider within a caller's request."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mailroom import log
from mailroom.errors import ServiceUnavailable, Unprocessable
from mailroom.ports import IdentityRefused


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
