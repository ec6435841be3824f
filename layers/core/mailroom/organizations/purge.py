"""What a deleted inbox or pod has left goes in steps: a message of the queue `purge` does one, and asks for the next."""

from __future__ import annotations

from collections.abc import Mapping

from mailroom.inboxes.purge import purge_inbox
from mailroom.pods.purge import purge_pod
from mailroom.runtime import Runtime

QUEUE = "purge"


def purge(request: Mapping[str, str], *, runtime: Runtime) -> None:
    """Raises KeyError for a malformed request, and what the stores raise."""
    wait = _step(request, runtime)
    if wait is not None:
        runtime.queues.send(QUEUE, request, delay_s=wait)


def _step(request: Mapping[str, str], runtime: Runtime) -> int | None:
    """None when nothing is left, else the seconds after which to go on."""
    o = request["organization_id"]
    if "pod_id" in request:
        return purge_pod(o, request["pod_id"], items=runtime.items)
    return purge_inbox(o, request["inbox_id"], items=runtime.items, blobs=runtime.blobs, clock=runtime.clock)
