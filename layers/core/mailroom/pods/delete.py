"""Deleting a pod: refused while it has inboxes or domains; what else hangs on it goes along (spec: pods.md)."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.errors import CannotDelete, NotFound, RaceCondition
from mailroom.inboxes.record import live
from mailroom.keys.bound import revoke_bound_keys
from mailroom.pods.access import require_pod
from mailroom.pods.purge import purge_request
from mailroom.pods.record import PodRecord, record_of
from mailroom.ports import Queues
from mailroom.store import keys
from mailroom.store.port import (
    Action,
    AnyOf,
    AtMost,
    Delete,
    ItemStore,
    Lacks,
    Set,
    TransactionCancelled,
    Update,
    all_of,
    any_of,
)

SAFETY_NET_S = 60


def delete_pod(caller: Caller, pod_id: str, *, items: ItemStore, queues: Queues) -> None:
    """The pod is gone at once, its client id is free and its keys are revoked; the rest is purged through the queue.

    Raises NotFound, CannotDelete.
    """
    o = caller.organization_id
    record = require_pod(caller, pod_id, items=items)
    _refuse(record)
    # Queued before the state changes: a crash in between leaves a request that finds nothing to do, never an unpurged pod.
    queues.send("purge", purge_request(o, pod_id), delay_s=SAFETY_NET_S)
    try:
        items.transact(_deletion(o, record))
    except TransactionCancelled as cancelled:
        there = cancelled.failures.get(0)
        if there is None or "state" in there:
            raise NotFound from cancelled
        _refuse(record_of(there))
        raise RaceCondition from cancelled
    while revoke_bound_keys(o, "pod", pod_id, items=items):
        continue
    queues.send("purge", purge_request(o, pod_id))


def _refuse(record: PodRecord) -> None:
    if record.get("default"):
        raise CannotDelete("The default pod cannot be deleted")
    if record["inbox_count"] > 0:
        raise CannotDelete("The pod has inboxes", fix="Delete its inboxes first.")
    if record.get("domain_count", 0) > 0:
        raise CannotDelete("The pod has domains", fix="Delete its domains first.")


def _deletion(o: str, record: PodRecord) -> list[Action]:
    """Whatever is added to a pod asks in its transaction whether the pod is `live`, so that one of the two fails."""
    empty = all_of(live(), _none("inbox_count"), _none("domain_count"))
    actions: list[Action] = [Update(keys.pod(o, record["pod_id"]), (Set("state", "deleting"),), empty)]
    if "client_id" in record:
        actions.append(Delete(keys.client_id(o, "pod", record["client_id"])))
    return actions


def _none(attribute: str) -> AnyOf:
    return any_of(Lacks(attribute), AtMost(attribute, 0))
