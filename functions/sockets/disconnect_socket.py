"""$disconnect of the WebSocket API"""

from __future__ import annotations

from mailroom.runtime import Event, Runtime, worker
from mailroom.sockets.connect import disconnect


@worker
def handler(event: Event, runtime: Runtime) -> dict[str, int]:
    disconnect(event["requestContext"]["connectionId"], items=runtime.items)
    return {"statusCode": 200}
