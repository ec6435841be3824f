"""/v0/api-keys/public-keys, which clients of mid-2026 call: not there, nor the key of that name (spec: "Public keys")."""

from __future__ import annotations

from mailroom.errors import NotFound
from mailroom.http.endpoint import Request, anybody, endpoint


@endpoint(permission=None, gate=anybody)
def handler(_: Request) -> None:
    raise NotFound
