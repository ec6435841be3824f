"""Page tokens: the position behind the last item, bound to endpoint, scope, filters and order, and signed (spec: README 10)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mailroom.errors import ValidationError
from mailroom.http.params import Params

Position = list[Any]
"""JSON values; what they mean is the list's own affair."""

_SIGNATURE = 16
MAX_TOKEN = 8192


@dataclass(slots=True)
class Paging:
    """One request's page: how many items, in which order, from where on."""

    limit: int
    ascending: bool
    position: Position | None
    signed: Callable[[Position], str]
    issued_to: str = ""
    """The scope of the caller who got the token."""
    scope: str = ""

    def bind(self, scope: str) -> None:
        """Ties the page to who asks, which is known later than the query. Raises ValidationError for another scope's token."""
        self.scope = scope
        if self.position is not None and self.issued_to != scope:
            raise _foreign()

    def seal(self, position: Position) -> str:
        """The token that goes on behind a position."""
        return self.signed([self.scope, *position])

    def finish(self, name: str, items: list[dict[str, Any]], next_position: Position | None) -> dict[str, Any]:
        """The list response: `count`, `limit`, `next_page_token` only if more remain, and the items."""
        page: dict[str, Any] = {"count": len(items), "limit": self.limit}
        if next_position is not None:
            page["next_page_token"] = self.seal(next_position)
        page[name] = items
        return page


def read_paging(
    params: Params, *, key: Callable[[], bytes], context: tuple[Any, ...], default: int = 50, maximum: int = 100
) -> Paging:
    """`context` is whatever the token must be bound to besides order; call it after the filters are read."""
    limit = params.integer("limit", default=default, low=1, high=maximum)
    ascending = params.boolean("ascending")
    bound = json.dumps([*context, ascending], separators=(",", ":"), default=list).encode()
    token = params.text("page_token")
    position, issued_to = None, ""
    if token:
        try:
            issued_to, *position = unseal(token, bound, key())
        except ValidationError as error:
            params.reject("page_token", error.errors[0].message)
    return Paging(limit, ascending, position, lambda value: seal(value, bound, key()), issued_to)


def seal(position: Position, bound: bytes, key: bytes) -> str:
    payload = json.dumps(position, separators=(",", ":"), ensure_ascii=False).encode()
    return _encoded(_sign(payload, bound, key) + payload)


def unseal(token: str, bound: bytes, key: bytes) -> Position:
    """Raises ValidationError for anything that this deployment did not issue for the same list."""
    try:
        if len(token) > MAX_TOKEN:
            raise ValueError
        raw = base64.b64decode(token.encode("ascii") + b"=" * (-len(token) % 4), altchars=b"-_", validate=True)
        # The last character has bits that decode to nothing: a token is only what was issued.
        if _encoded(raw) != token:
            raise ValueError
    except ValueError:
        raise ValidationError.at("page_token", "Page token is malformed") from None
    signature, payload = raw[:_SIGNATURE], raw[_SIGNATURE:]
    if not hmac.compare_digest(signature, _sign(payload, bound, key)):
        raise _foreign()
    position: Position = json.loads(payload)
    return position


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _foreign() -> ValidationError:
    return ValidationError.at("page_token", "Page token does not belong to this list")


def _sign(payload: bytes, bound: bytes, key: bytes) -> bytes:
    return hmac.new(key, hashlib.sha256(bound).digest() + payload, hashlib.sha256).digest()[:_SIGNATURE]
