"""What a credential stands for at the moment, from the row of its key (`AK#`): session tokens and open sockets outlive the request
that brought the key."""

from __future__ import annotations

from typing import NamedTuple

from mailroom.callers import Caller
from mailroom.errors import OrganizationSuspended, Unauthorized
from mailroom.keys.credentials import caller_of
from mailroom.keys.record import granted
from mailroom.store.port import Item

ENDED = (Unauthorized, OrganizationSuspended)
"""What is raised for a credential that is not one any more, or not now."""


class Session(NamedTuple):
    """What a valid session token says."""

    organization_id: str
    api_key_id: str
    scope_type: str
    scope_id: str
    permissions: frozenset[str] | None
    """Those of the key when the token was made; None is unrestricted."""
    expires_at: int
    """Milliseconds."""


def key_caller(record: Item | None, now: int) -> Caller:
    """Raises UnknownApiKey where the key is gone (or public, and never was a credential), ApiKeyExpired, OrganizationSuspended."""
    if record is not None and record.get("type") == "public_key":
        record = None
    if record is not None and "permissions" in record:
        record = {**record, "permissions": granted(record["permissions"])}
    return caller_of(record, now)


def session_caller(session: Session, record: Item | None, now: int) -> Caller:
    """What a session may do now: what its key may, and no more than that could when the token was made.

    Raises Unauthorized where the session is over or the key is gone, ApiKeyExpired, OrganizationSuspended.
    """
    if record is None or session.expires_at <= now:
        raise session_refused()
    if (record["scope_type"], record["scope_id"]) != (session.scope_type, session.scope_id):
        raise session_refused()
    caller = key_caller(record, now)
    ends = [session.expires_at, *([] if caller.expires_at is None else [caller.expires_at])]
    return caller._replace(api_key_id=None, permissions=_both(caller.permissions, session.permissions), expires_at=min(ends))


def session_refused() -> Unauthorized:
    """The same for every flaw."""
    return Unauthorized("Session token not recognized", fix="Ask for a new one with POST /v0/auth/token.")


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    if first is None or second is None:
        return first if second is None else second
    return first & second
