"""Public keys as JSON Web Keys: points of the curve P-256, and nothing else (spec: organizations-auth-apikeys.md, "Public keys").

Whether a point lies on the curve is one equation; a cryptographic library would cost every cold start for it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import TypedDict

from mailroom.http.body import Schema, checked, object_of, one_of, string

_COORDINATE = re.compile(r"[A-Za-z0-9_-]{43}")
# SEC 2, 2.4.2: y^2 = x^3 - 3x + b over the field of this prime.
_P = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B


class PublicJwk(TypedDict):
    kty: str
    crv: str
    x: str
    y: str


def public_jwk() -> Schema:
    """Exactly these four members: above all no `d`, which would be the secret."""
    x, y = checked(string(), _coordinate), checked(string(), _coordinate)
    members = object_of(("kty", "crv", "x", "y"), closed=True, kty=one_of("EC"), crv=one_of("P-256"), x=x, y=y)
    return checked(members, _on_curve)


def fingerprint(jwk: PublicJwk) -> str:
    """The SHA-256 thumbprint of RFC 7638: the members in alphabetical order, without white space."""
    text = json.dumps(jwk, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _coordinate(value: str) -> str:
    if not _COORDINATE.fullmatch(value) or _encoded(_decoded(value)) != value:
        raise ValueError("Must be 32 bytes as 43 characters of unpadded base64url")
    return value


def _on_curve(jwk: PublicJwk) -> PublicJwk:
    x, y = (int.from_bytes(_decoded(value)) for value in (jwk["x"], jwk["y"]))
    if x >= _P or y >= _P or (y * y - (x * x * x - 3 * x + _B)) % _P:
        raise ValueError("Must be a point on the curve P-256")
    return jwk


def _decoded(coordinate: str) -> bytes:
    return base64.urlsafe_b64decode(coordinate + "=")


def _encoded(value: bytes) -> str:
    """The last of 43 characters has two bits to spare, which must be 0: one key has one form."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
