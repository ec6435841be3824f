"""What the TypeScript SDK makes of the frames of each kind of event that can happen: the right type, with nothing left over."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from mailroom.clock import now_ms, to_wire
from mailroom.config import Config
from tests.support.events import happen
from tests.support.identity import organization_id
from tests.support.node import SOURCE, modules, node
from tests.support.stacks import Mailbox, SqliteStack

PATIENCE_S = 60

RECEIVED = {
    "message.received": "",
    "message.received.spam": "spam=FAIL",
    "message.received.unauthenticated": "spf=GRAY, dkim=GRAY",
}
"""Event type -> the verdicts behind it."""

KINDS = dict.fromkeys(RECEIVED, "MessageReceivedEvent") | {
    "message.sent": "MessageSentEvent",
    "message.delivered": "MessageDeliveredEvent",
    "message.bounced": "MessageBouncedEvent",
    "message.complained": "MessageComplainedEvent",
    "message.rejected": "MessageRejectedEvent",
}
"""Event type -> the SDK's type, and the only one that fits."""


EXTENSIONS = {"position", "message.attachments.[0].inline", "thread.attachments.[0].inline"}
"""What these types do not know: the log's position, and what clients of 2025 expect (spec: messages.md, "Attachment")."""

MAIL = """\
From: Ann Ek <ann@example.com>
To: {inbox}, Other <other@example.com>
Cc: third@example.com
Reply-To: ann+replies@example.com
Subject: Of all kinds
Date: Thu, 01 Jan 2026 12:00:00 +0000
Message-ID: <{name}@example.com>
X-Mailroom-Verdicts: {verdicts}
X_under_score: kept
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8

<p>Hello</p>
--b
Content-Type: text/plain; name="note.txt"
Content-Disposition: attachment; filename="note.txt"

A note
--b--
"""


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    """Before anything is started: skipping leaves nothing open."""
    node()
    modules()


def test_the_typescript_sdk_decodes_every_event() -> None:
    with SqliteStack(Config(rate_per_second=0)) as stack, closing(Mailbox(stack)) as mailbox:
        inbox = mailbox.client.inboxes.create().inbox_id
        with listening(stack, [*KINDS]) as frames:
            assert next(frames)["kinds"] == ["Subscribed"]

            cause_all(stack, mailbox, inbox)

            seen = await_all(frames)
    assert {event_type: answer["kinds"] for event_type, answer in seen.items()} == {name: [kind] for name, kind in KINDS.items()}
    assert {place for answer in seen.values() for place in answer["leftovers"]} == EXTENSIONS
    assert seen["message.received"]["frame"]["message"]["headers"]["X_under_score"] == "kept"


def test_the_typescript_sdk_hands_on_what_it_does_not_know_as_it_came() -> None:
    """Nobody gets it without naming it, so it disturbs no client that was written for the original."""
    with SqliteStack(Config(rate_per_second=0)) as stack, closing(Mailbox(stack)) as mailbox:
        inbox = mailbox.client.inboxes.create().inbox_id
        with listening(stack, ["draft.cancelled"]) as frames:
            subscribed = next(frames)
            payload = {"draft_id": str(uuid.uuid4()), "reason": "reply"}
            happen(
                1,
                items=stack.runtime.items,
                o=organization_id(mailbox.http),
                event_type="draft.cancelled",
                inbox_id=inbox,
                ts=now_ms(),
                payload=payload,
            )

            answer = next(frames)
    assert subscribed["frame"] == {"type": "subscribed", "eventTypes": ["draft.cancelled"]}
    assert answer["kinds"] == []
    assert (answer["frame"]["event_type"], answer["frame"]["draft"]["reason"]) == ("draft.cancelled", "reply")


def test_the_typescript_sdk_decodes_an_error() -> None:
    with SqliteStack() as stack, listening(stack, ["message.unheard-of"]) as frames:
        answer = next(frames)
    assert answer["kinds"] == ["Error_"]
    assert answer["frame"]["name"] == "ValidationError"


def cause_all(stack: SqliteStack, mailbox: Mailbox, inbox: str) -> None:
    for number, verdicts in enumerate(RECEIVED.values()):
        raw = MAIL.format(inbox=inbox, name=f"kind-{number}", verdicts=verdicts).replace("\n", "\r\n")
        mailbox.deliver(raw.encode(), inbox)
    for scenario in ("success", "bounce", "complaint"):
        sent = send(mailbox, inbox, f"{scenario}@simulator.amazonses.com")
    stack.runtime.queues.send("notices", rejection(sent, inbox))


def send(mailbox: Mailbox, inbox: str, to: str) -> str:
    return str(mailbox.client.inboxes.messages.send(inbox, to=to, subject="Hello", text="Hello").message_id)


def rejection(message_id: str, inbox: str) -> dict[str, Any]:
    """SES finds a virus in what it took. On one machine nobody does."""
    timestamp = to_wire(now_ms())
    sent = {"timestamp": timestamp, "messageId": message_id, "source": inbox, "destination": ["ann@example.com"], "tags": {}}
    notice = {"eventType": "Reject", "mail": sent, "reject": {"reason": "Bad content"}}
    return {"Type": "Notification", "MessageId": str(uuid.uuid4()), "Message": json.dumps(notice)}


def await_all(frames: Iterator[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By event type, the first of each."""
    seen: dict[str, dict[str, Any]] = {}
    while seen.keys() < KINDS.keys():
        answer = next(frames)
        seen.setdefault(answer["frame"]["eventType"], answer)
    return seen


@contextmanager
def listening(stack: SqliteStack, event_types: list[str]) -> Iterator[Iterator[dict[str, Any]]]:
    """What `listen.cjs` says, line by line."""
    command = [node(), str(SOURCE / "listen.cjs"), stack.http, stack.ws, *event_types]
    environment = os.environ | {"AGENTMAIL_API_KEY": stack.api_key, "NODE_PATH": str(modules())}
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        threading.Thread(target=copy, args=[process.stdout, lines], daemon=True).start()
        try:
            yield (json.loads(lines.get(timeout=PATIENCE_S)) for _ in iter(int, 1))
        finally:
            process.kill()


def copy(output: Iterable[str], lines: queue.SimpleQueue[str]) -> None:
    for line in output:
        lines.put(line)
