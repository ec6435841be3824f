"""Writes to somebody, and once more in the same thread if no answer comes.

    AGENTMAIL_API_KEY=am_... python examples/followup.py http://127.0.0.1:8080 me@mailroom.local ann@example.com order-12 259200

The second mail is a scheduled draft: the server sends it after so many seconds, whether this program still runs or not. An answer
from the recipient by then cancels it, an out-of-office notice does not. The SDK does not know `cancel_on` (docs/drafts.md).
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment

CANCELLED_BY_ANSWER: Any = {"additional_body_parameters": {"cancel_on": "reply"}}


def write(client: AgentMail, inbox_id: str, to: str, name: str, wait: timedelta) -> Any:
    """The follow-up as a draft: look at it, change it, send it now or delete it like any other.

    `name` tells this pair of mails from others: calling again after a crash neither sends nor schedules anything twice.
    """
    sent = client.inboxes.messages.send(
        inbox_id, to=to, subject="Your order", text="Could you send us the size you need?", idempotency_key=name
    )
    return client.inboxes.drafts.create(
        inbox_id,
        in_reply_to=sent.message_id,
        text="Did you have a chance to look at this? We need the size to go on.",
        send_at=datetime.now(UTC) + wait,
        client_id=name,
        request_options=CANCELLED_BY_ANSWER,
    )


def main(http: str, inbox_id: str, to: str, name: str, seconds: str) -> None:
    environment = AgentMailEnvironment(http=http, websockets=http.replace("http", "ws", 1))
    client = AgentMail(api_key=os.environ["AGENTMAIL_API_KEY"], environment=environment)
    draft = write(client, inbox_id, to, name, timedelta(seconds=int(seconds)))
    print(draft.draft_id, draft.send_at.isoformat(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
