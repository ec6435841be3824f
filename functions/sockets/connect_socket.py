"""$connect of the WebSocket API"""

from __future__ import annotations

from typing import Any

from mailroom.runtime import Event, Runtime, worker
from mailroom.sockets.connect import answer_connect


@worker
def handler(event: Event, runtime: Runtime) -> dict[str, Any]:
    return answer_connect(event, runtime)
