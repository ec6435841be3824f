"""What callers send about a pod, and the `Pod` they get back (spec: pods.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NotRequired, TypedDict

from mailroom.clock import to_wire
from mailroom.http.body import Body, client_id, object_of, string
from mailroom.pods.record import PodRecord

MAX_DESCRIPTION = 1024


class CreatePod(TypedDict):
    name: NotRequired[str]
    client_id: NotRequired[str]
    description: NotRequired[str]


CREATE_POD: Body[CreatePod] = Body(
    object_of(name=string(low=1, high=256), client_id=client_id(), description=string(high=MAX_DESCRIPTION))
)


def pod(record: PodRecord, inbox_ids: Sequence[str]) -> dict[str, Any]:
    """The `Pod` of the wire. `inbox_ids`: its newest."""
    shown: dict[str, Any] = {
        "pod_id": record["pod_id"],
        "name": record["name"],
        "inbox_count": record["inbox_count"],
        "inbox_ids": list(inbox_ids),
        "updated_at": to_wire(record["updated_at"]),
        "created_at": to_wire(record["created_at"]),
    }
    if "description" in record:
        shown["description"] = record["description"]
    if "client_id" in record:
        shown["client_id"] = record["client_id"]
    return shown
