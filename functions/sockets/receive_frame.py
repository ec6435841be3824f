"""$default of the WebSocket API: every frame of a client"""

from __future__ import annotations

from mailroom.runtime import Event, Runtime, worker
from mailroom.sockets.receive import receive


@worker
def handler(event: Event, runtime: Runtime) -> dict[str, int]:
    text = None if event.get("isBase64Encoded") else event.get("body") or ""
    receive(event["requestContext"]["connectionId"], text, runtime)
    return {"statusCode": 200}
