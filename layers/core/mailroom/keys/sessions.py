"""Session tokens: JSON Web Tokens that stand for an API key for up to an hour (spec: organizations-auth-apikeys.md, "Credentials").

A token proves who asked for it and when; what it may do is decided at use (`keys.standing`), from its key.
PyJWT is imported late: what loads this module does not always meet a token, and functions that do not must start without it.
"""

from __future__ import annotations

import hmac
from typing import Any, TypedDict

from mailroom.callers import Caller
from mailroom.clock import Clock, to_wire
from mailroom.http.body import Body, integer, object_of
from mailroom.keys.standing import Session, session_refused

ALGORITHM = "HS256"
ISSUER = "mailroom"
DEFAULT_SECONDS = 900
MIN_SECONDS, MAX_SECONDS = 60, 3600
_CLAIMS = ["iss", "sub", "organization_id", "scope_type", "scope_id", "iat", "exp"]


class SessionRequest(TypedDict, total=False):
    ttl_seconds: int


SESSION_REQUEST: Body[SessionRequest] = Body(object_of(ttl_seconds=integer(MIN_SECONDS, MAX_SECONDS)))


def create_session(caller: Caller, body: SessionRequest, *, secret: bytes, clock: Clock) -> dict[str, Any]:
    """`{token, expires_at}` for the caller's API key; it ends no later than the key."""
    import jwt

    now = clock() // 1000
    end = now + body.get("ttl_seconds", DEFAULT_SECONDS)
    if caller.expires_at is not None:
        end = min(end, caller.expires_at // 1000)
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "sub": caller.api_key_id,
        "organization_id": caller.organization_id,
        "scope_type": caller.scope_type,
        "scope_id": caller.scope_id,
        "iat": now,
        "exp": end,
    }
    if caller.permissions is not None:
        claims["permissions"] = sorted(caller.permissions)
    return {"token": jwt.encode(claims, _key(secret), ALGORITHM), "expires_at": to_wire(end * 1000)}


def read_session(token: str, *, secret: bytes, now: int) -> Session:
    """Raises Unauthorized: another deployment's signature, another algorithm (or none), an end that is past, missing claims."""
    import jwt

    # The end is compared with the deployment's clock, below.
    options: Any = {"require": _CLAIMS, "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, _key(secret), algorithms=[ALGORITHM], issuer=ISSUER, options=options)
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise session_refused() from error
    session = _session(claims)
    if session.expires_at <= now:
        raise session_refused()
    return session


def _session(claims: dict[str, Any]) -> Session:
    permissions = claims.get("permissions")
    return Session(
        organization_id=claims["organization_id"],
        api_key_id=claims["sub"],
        scope_type=claims["scope_type"],
        scope_id=claims["scope_id"],
        permissions=None if permissions is None else frozenset(permissions),
        expires_at=claims["exp"] * 1000,
    )


def _key(secret: bytes) -> bytes:
    """Not the deployment's secret itself, which signs page tokens."""
    return hmac.digest(secret, b"session tokens", "sha256")
