"""What becomes of API keys whose inbox or pod is deleted."""

from __future__ import annotations

from typing import cast

from mailroom.callers import ScopeType
from mailroom.keys.record import KeyRecord, removal
from mailroom.store import keys
from mailroom.store.port import Delete, ItemStore, Key, Query

PAGE = 25
"""Keys whose rows, four each, fit one transaction."""


def revoke_bound_keys(o: str, scope_type: ScopeType, scope_id: str, *, items: ItemStore) -> bool:
    """Revokes a page of the keys bound to exactly one inbox or pod; False when there were none."""
    listed = items.query(Query("idx", keys.api_key_list(o, scope_type, scope_id), PAGE))
    if not listed:
        return False
    wanted = [keys.api_key_record(o, keys.index_identity(row["sk"])) for row in listed]
    found = items.batch_get(wanted).values()
    if found:
        items.transact([action for record in found for action in removal(cast(KeyRecord, record))])
    items.write([Delete(Key.of("idx", row)) for row in listed])
    return True
