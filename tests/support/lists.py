"""Entries of allow and block lists on a desk, made by the product's own service."""

from __future__ import annotations

from mailroom.callers import Caller
from mailroom.keys.scopes import Route
from mailroom.lists.model import CreateListEntry
from mailroom.lists.record import Direction, ListName, ListType
from mailroom.lists.service import create_list_entry
from mailroom.store import keys
from tests.support.desk import Desk


def listed(
    desk: Desk,
    direction: Direction,
    list_type: ListType,
    *entries: str,
    pod_id: str | None = None,
    inbox_id: str | None = None,
    reason: str | None = None,
) -> None:
    """At organization scope unless a pod or an inbox is named; the pod is made where it is missing."""
    if pod_id is not None and desk.items.get(keys.pod(desk.o, pod_id)) is None:
        desk.items.put(keys.pod(desk.o, pod_id), {"pod_id": pod_id})
    for entry in entries:
        body = CreateListEntry(entry=entry)
        if reason is not None:
            body["reason"] = reason
        create_list_entry(
            Caller(desk.o, "organization", desk.o),
            Route(pod_id, inbox_id),
            ListName(direction, list_type),
            body,
            items=desk.items,
            clock=desk.clock,
            config=desk.runtime.config,
        )


def counts(desk: Desk, *, pod_id: str | None = None, inbox_id: str | None = None) -> dict[str, int]:
    """The counts of a scope's lists, without those at zero."""
    row = desk.items.get(keys.list_counts(desk.o, pod_id=pod_id, inbox_id=inbox_id)) or {}
    return {name: value for name, value in row.items() if name not in ("pk", "sk") and value}
