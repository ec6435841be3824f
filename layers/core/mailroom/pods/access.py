"""Whether a pod exists for a caller: the first question of everything below `/pods/{pod_id}`."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import NotFound
from mailroom.pods.record import PodRecord, record_of
from mailroom.store import keys
from mailroom.store.port import ItemStore


def require_pod(caller: Caller, pod_id: str, *, items: ItemStore) -> PodRecord:
    """The live pod. Raises NotFound when it is unknown, being deleted, or not the caller's own."""
    row = items.get(keys.pod(caller.organization_id, pod_id))
    if row is None or "state" in row or caller.pod_id not in (None, pod_id):
        raise NotFound
    return record_of(row)
