"""Session tokens: JSON Web Tokens that stand for an API key for up to an hour (spec: organizations-auth-apikeys.md, "Credentials").

A token proves who asked for it and when; what it may do is decided at use, from the key's row, which must still be there.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

import jwt

from mailroom.callers import Caller
from mailroom.clock import Clock, to_wire
from mailroom.errors import Unauthorized
from mailroom.http.body import Body, integer, object_of
from mailroom.keys.credentials import caller_of
from mailroom.keys.record import granted
from mailroom.store.port import Item

ALGORITHM = "HS256"
ISSUER = "mailroom"
DEFAULT_SECONDS = 900
MIN_SECONDS, MAX_SECONDS = 60, 3600
_CLAIMS = ("iss", "sub", "organization_id", "scope_type", "scope_id", "api_key_id", "iat", "exp")


class SessionRequest(TypedDict, total=False):
    ttl_seconds: int


class Session(NamedTuple):
    """What a valid token says."""

    organization_id: str
    api_key_id: str
    scope_type: str
    scope_id: str
    permissions: frozenset[str] | None
    """Those of the key when the token was made; None is unrestricted."""
    expires_at: int
    """Milliseconds."""


SESSION_REQUEST: Body[SessionRequest] = Body(object_of(ttl_seconds=integer(MIN_SECONDS, MAX_SECONDS)))


def create_session(caller: Caller, body: SessionRequest, *, secret: bytes, clock: Clock) -> dict[str, Any]:
    """`{token, expires_at}` for the caller's API key; no later than the key's own end."""
    now = clock() // 1000
    ends = [now + body.get("ttl_seconds", DEFAULT_SECONDS)]
    if caller.expires_at is not None:
        ends.append(caller.expires_at // 1000)
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": caller.api_key_id,
        "organization_id": caller.organization_id,
        "scope_type": caller.scope_type,
        "scope_id": caller.scope_id,
        "api_key_id": caller.api_key_id,
        "iat": now,
        "exp": min(ends),
    }
    if caller.permissions is not None:
        claims["permissions"] = sorted(caller.permissions)
    return {"token": jwt.encode(claims, _key(secret), ALGORITHM), "expires_at": to_wire(min(ends) * 1000)}


def read_session(token: str, *, secret: bytes, now: int) -> Session:
    """Raises Unauthorized, the same for every flaw: another deployment's signature, another algorithm (or none), an end that is
    past, claims that are missing or of the wrong type."""
    try:
        # The end is compared with the deployment's clock below.
        options: Any = {"require": list(_CLAIMS), "verify_exp": False, "verify_iat": False}
        claims = jwt.decode(token, _key(secret), algorithms=[ALGORITHM], issuer=ISSUER, options=options)
        session = _session(claims)
    except (jwt.InvalidTokenError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _refusal() from error
    if session.expires_at <= now:
        raise _refusal()
    return session


def session_caller(session: Session, record: Item | None, now: int) -> Caller:
    """What a session may do now: what the key of `record` (`AK#`) may, and no more than it could when the token was made.

    Raises Unauthorized where the key is gone, ApiKeyExpired where it has ended.
    """
    if record is None or (record["scope_type"], record["scope_id"]) != (session.scope_type, session.scope_id):
        raise _refusal()
    caller = caller_of({**record, "permissions": _granted(record)} if "permissions" in record else record, now)
    ends = [session.expires_at, *([caller.expires_at] if caller.expires_at is not None else [])]
    permissions = _both(caller.permissions, session.permissions)
    return caller._replace(api_key_id=None, permissions=permissions, expires_at=min(ends))


def _granted(record: Item) -> Sequence[str]:
    return granted(record["permissions"])


def _both(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    if first is None or second is None:
        return first if second is None else second
    return first & second


def _session(claims: dict[str, Any]) -> Session:
    permissions = claims.get("permissions")
    return Session(
        organization_id=str(claims["organization_id"]),
        api_key_id=str(claims["api_key_id"]),
        scope_type=str(claims["scope_type"]),
        scope_id=str(claims["scope_id"]),
        permissions=None if permissions is None else frozenset(permissions),
        expires_at=int(claims["exp"]) * 1000,
    )


def _key(secret: bytes) -> bytes:
    """Not the deployment's secret itself, which signs page tokens."""
    return hmac.digest(secret, b"session tokens", "sha256")


def _refusal() -> Unauthorized:
    return Unauthorized("Session token not recognized", fix="Ask for a new one with POST /v0/auth/token.")
