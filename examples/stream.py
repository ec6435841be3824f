"""Prints every event of an organization, each once, whatever happens to the connection.

    AGENTMAIL_API_KEY=am_... python examples/stream.py http://127.0.0.1:8000 ws://127.0.0.1:8000 [position]

The published SDK does not reconnect. `follow` does, with growing pauses, and resumes behind the last event it handed out. Keep the
position of what you have dealt with and start from it: nothing is missed or seen twice, if you were away for less than 30 days.
"""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

from agentmail import AgentMail, Subscribe
from agentmail.core.api_error import ApiError
from agentmail.environment import AgentMailEnvironment
from websockets.exceptions import InvalidStatus, WebSocketException

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0


class Refused(Exception):
    """The server will not send these events: an invalid key, a filter that is not allowed, a position that is too old."""


def follow(client: AgentMail, after: int, **filters: list[str]) -> Iterator[Any]:
    """Events behind a position, then those to come. `filters`: event_types, inbox_ids, pod_ids.

    Raises Refused.
    """
    failures = 0
    while True:
        try:
            with client.websockets.connect() as socket:
                socket.send_subscribe(Subscribe(after=after, **filters))  # type: ignore[call-arg, arg-type]
                for frame in socket:
                    if frame.type == "error":
                        raise Refused(f"{frame.name}: {frame.message}")
                    failures = 0
                    if frame.type == "event":
                        after = frame.position
                        yield frame
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise Refused("The API key is not valid") from error
        except (OSError, WebSocketException, ApiError):
            pass
        # Jitter: a thousand clients that lost the same server must not all come back at once.
        time.sleep(random.uniform(0, min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2**failures)))
        failures += 1


def main(http: str, ws: str, after: str = "0") -> None:
    environment = AgentMailEnvironment(http=http, websockets=ws)
    client = AgentMail(api_key=os.environ["AGENTMAIL_API_KEY"], environment=environment)
    for event in follow(client, int(after)):
        subject = getattr(getattr(event, "message", None), "subject", "")
        print(event.position, event.event_type, event.event_id, subject or "", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
