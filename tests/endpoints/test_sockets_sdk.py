"""The published SDK's socket clients decode every frame as the type it is (spec: websockets.md, "Decoding trap")."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from agentmail import AgentMail, AsyncAgentMail, Subscribe
from agentmail.environment import AgentMailEnvironment

from tests.support.stacks import Mailbox

# The SDK imports names that newer releases of websockets call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning", "ignore:remove second argument:DeprecationWarning")

WANTED: Any = {"event_types": ["message.received", "message.sent"]}
EXPECTED = ["Subscribed", "MessageReceivedEvent", "MessageSentEvent", "Error"]


def environment(stack: Mailbox) -> AgentMailEnvironment:
    return AgentMailEnvironment(http=stack.backend.http, websockets=stack.backend.ws)


def make_events(stack: Mailbox, inbox: str, step: int) -> None:
    """One event at a time: those of one message may come in any order."""
    if step == 0:
        head = f"From: Ann <ann@example.com>\r\nTo: {inbox}\r\nSubject: Hi\r\nMessage-ID: <{uuid.uuid4()}@example.com>"
        stack.deliver(f"{head}\r\n\r\nHello\r\n".encode(), inbox)
    else:
        stack.http.post(f"/inboxes/{inbox}/messages/send", {"to": ["ann@example.com"], "subject": "Hi", "text": "Hi"})


def test_the_client_decodes_each_frame_as_what_it_is(stack: Mailbox, inbox: str) -> None:
    client = AgentMail(api_key=stack.backend.api_key, environment=environment(stack))

    with client.websockets.connect() as socket:
        socket.send_subscribe(Subscribe(inbox_ids=[inbox], **WANTED))
        frames: list[Any] = [socket.recv()]
        for step in range(2):
            make_events(stack, inbox, step)
            frames.append(socket.recv())
        socket.send_subscribe(Subscribe(inbox_ids=["unknown@example.com"]))
        frames.append(socket.recv())

    assert [type(frame).__name__ for frame in frames] == EXPECTED
    assert frames[1].message.inbox_id == frames[2].send.inbox_id == inbox
    assert (frames[1].thread.message_count, frames[2].send.recipients) == (1, ["ann@example.com"])
    assert frames[1].position < frames[2].position


def test_the_asynchronous_client_decodes_the_same(stack: Mailbox, inbox: str) -> None:
    client = AsyncAgentMail(api_key=stack.backend.api_key, environment=environment(stack))

    async def run() -> list[Any]:
        async with client.websockets.connect() as socket:
            await socket.send_subscribe(Subscribe(inbox_ids=[inbox], **WANTED))
            frames: list[Any] = [await socket.recv()]
            for step in range(2):
                await asyncio.to_thread(make_events, stack, inbox, step)
                frames.append(await socket.recv())
            await socket.send_subscribe(Subscribe(inbox_ids=["unknown@example.com"]))
            return [*frames, await socket.recv()]

    assert [type(frame).__name__ for frame in asyncio.run(run())] == EXPECTED


def test_a_bad_key_is_told_as_such(stack: Mailbox) -> None:
    client = AsyncAgentMail(api_key="am_unknown", environment=environment(stack))

    async def run() -> None:
        async with client.websockets.connect():
            raise AssertionError("was let in")

    with pytest.raises(Exception, match=r"invalid credentials|HTTP 401"):
        asyncio.run(run())
