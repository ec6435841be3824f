"""The bodies of the key routes."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from mailroom.http.body import Body, client_id, instant, object_of, string
from mailroom.keys.jwk import PublicJwk, public_jwk
from mailroom.keys.permissions import permissions_object


class CreateApiKey(TypedDict):
    name: NotRequired[str]
    permissions: NotRequired[dict[str, bool] | None]
    expires_at: NotRequired[int]
    """Microseconds."""
    public_key: NotRequired[PublicJwk]
    """Makes it the registration of a public key."""
    client_id: NotRequired[str]
    """Of a public key."""


class UpdateApiKey(TypedDict):
    name: NotRequired[str]
    permissions: NotRequired[dict[str, bool] | None]


CREATE_API_KEY: Body[CreateApiKey] = Body(
    object_of(
        nulls=("permissions",),
        name=string(low=1, high=256),
        permissions=permissions_object(),
        expires_at=instant(),
        public_key=public_jwk(),
        client_id=client_id(),
    )
)
UPDATE_API_KEY: Body[UpdateApiKey] = Body(
    object_of(update=True, nulls=("permissions",), name=string(low=1, high=256), permissions=permissions_object())
)
