"""How a polling webhook is stored: one row by its client id, and the same under the hash of its token. Times are milliseconds.

Nothing of it changes but the token, so a reader needs no more than the token's row.
"""

from __future__ import annotations

from typing import NotRequired, TypedDict, cast

from mailroom.keys.scopes import Scope
from mailroom.store import keys
from mailroom.store.port import Item, Key, without_key


class PollingRecord(TypedDict):
    webhook_id: str
    organization_id: str
    client_id: str
    event_types: list[str]
    start: int
    """Position in the organization's log at its creation."""
    token_hash: str
    created_at: int
    updated_at: int
    pod_ids: NotRequired[list[str]]
    inbox_ids: NotRequired[list[str]]
    pod_id: NotRequired[str]
    inbox_id: NotRequired[str]
    """What it was made for, as for webhooks."""


def polling_record_of(row: Item) -> PollingRecord:
    return cast(PollingRecord, without_key(row))


def owner_ids(scope: Scope) -> dict[str, str]:
    """Keyword arguments of the key builders."""
    if scope.inbox_id is not None:
        return {"inbox_id": scope.inbox_id}
    return {} if scope.pod_id is None else {"pod_id": scope.pod_id}


def counting_row(o: str, scope: Scope) -> Key:
    """The row of what polling webhooks are made for: it counts them in `polling_count`."""
    if scope.inbox_id is not None:
        return keys.inbox(o, scope.inbox_id)
    return keys.organization(o) if scope.pod_id is None else keys.pod(o, scope.pod_id)
