"""Taking away what hung on a deleted pod, in bounded, repeatable steps: what remains is the state, no progress is remembered.

Nothing can be added meanwhile, because every transaction that adds to a pod carries the condition `live()`.
"""

from __future__ import annotations

from mailroom.keys.bound import revoke_bound_keys
from mailroom.keys.scopes import Scope
from mailroom.lists.purge import remove_entries
from mailroom.store import keys
from mailroom.store.port import Delete, ItemStore, Key, Query
from mailroom.webhooks.purge import remove_webhooks

PAGE = 100
STEPS = 1000
"""Pages in one invocation: far below the time that the function has."""


def purge_request(o: str, pod_id: str) -> dict[str, str]:
    """The message of the queue `purge`."""
    return {"organization_id": o, "pod_id": pod_id}


def purge_pod(o: str, pod_id: str, *, items: ItemStore, steps: int = STEPS) -> int | None:
    """As far as `steps` pages go. None when nothing is left to do, else the seconds after which to go on.

    Several may be at it: ids of pods are never used again, and each entry is counted by whoever deletes it.
    """
    row = items.get(keys.pod(o, pod_id))
    if row is None or "state" not in row:
        return None
    for take_page in (_keys, _entries, _subscriptions):
        while take_page(o, pod_id, items=items):
            steps -= 1
            if steps <= 0:
                return 1
    remove_webhooks(o, items=items, pod_id=pod_id)
    items.delete(keys.pod(o, pod_id))
    return None


def _keys(o: str, pod_id: str, *, items: ItemStore) -> bool:
    return revoke_bound_keys(o, "pod", pod_id, items=items)


def _entries(o: str, pod_id: str, *, items: ItemStore) -> bool:
    return remove_entries(o, Scope("pod", pod_id, pod_id), items=items)


def _subscriptions(o: str, pod_id: str, *, items: ItemStore) -> bool:
    rows = items.query(Query("eph", keys.subscriptions(o, pod_id=pod_id), PAGE))
    items.write([Delete(Key.of("eph", row)) for row in rows])
    return bool(rows)
