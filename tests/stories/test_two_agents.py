"""Two agents of one deployment that answer whatever they get are set on each other: they stop by themselves, and everything else
goes on (docs/loops.md)."""

from __future__ import annotations

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from agentmail import MessageRejectedError, Subscribe

from mailroom.config import Config
from tests.support.desk import mail
from tests.support.polling import eventually
from tests.support.stacks import Mailbox, SqliteStack

# The SDK imports names that newer releases of websockets call deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:websockets:DeprecationWarning", "ignore:remove second argument:DeprecationWarning")

LIMIT = 3
CONFIG = Config(rate_per_second=0, thread_send_limit=LIMIT)


@pytest.fixture(scope="module")
def stack() -> Iterator[Mailbox]:
    with SqliteStack(CONFIG) as running, contextlib.closing(Mailbox(running)) as mailbox:
        yield mailbox


class Agent:
    """Answers each mail that it hears of, once, in a thread of its own."""

    def __init__(self, stack: Mailbox, name: str, work: Callable[[Agent], None]) -> None:
        self.stack = stack
        self.messages = stack.sdk(stack.backend.api_key).inboxes.messages
        self.inbox = str(stack.http.post("/inboxes", {"username": f"{name}-{uuid.uuid4().hex[:8]}"}).json()["inbox_id"])
        self.refused: list[str] = []
        self.failures: list[BaseException] = []
        self.ready, self.ended = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)

    def __enter__(self) -> Agent:
        self._thread.start()
        assert self.ready.wait(30)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        # Whoever waits for an event hears of this one.
        self.messages.send(self.inbox, to="nobody@example.com", subject="End")
        self._thread.join(30)

    def answer(self, message_id: str) -> None:
        try:
            self.messages.reply(self.inbox, message_id, text="Thank you for your message!")
        except MessageRejectedError as error:
            self.refused.append(str(error.body.message))

    def threads(self) -> list[Any]:
        return list(self.stack.client.inboxes.threads.list(self.inbox).threads or [])

    def _run(self, work: Callable[[Agent], None]) -> None:
        try:
            work(self)
        except BaseException as error:
            self.failures.append(error)
            raise


def polling(agent: Agent) -> None:
    agent.ready.set()
    while not agent.ended.wait(0.02):
        for item in agent.messages.list(agent.inbox, labels=["unread"]).messages:
            agent.answer(item.message_id)
            agent.messages.update(agent.inbox, item.message_id, remove_labels=["unread"])


def listening(agent: Agent) -> None:
    with agent.stack.sdk(agent.stack.backend.api_key).websockets.connect() as socket:
        socket.send_subscribe(Subscribe(event_types=["message.received", "message.sent"], inbox_ids=[agent.inbox]))
        for frame in socket:
            agent.ready.set()
            if agent.ended.is_set():
                return
            if frame.type == "event" and frame.event_type == "message.received":
                agent.answer(frame.message.message_id)


@pytest.fixture
def pair(stack: Mailbox) -> Iterator[tuple[Agent, Agent]]:
    with Agent(stack, "polls", polling) as first, Agent(stack, "listens", listening) as second:
        yield first, second


def assert_settled(agents: tuple[Agent, Agent]) -> None:
    eventually(lambda: any(agent.refused for agent in agents))
    assert [failure for agent in agents for failure in agent.failures] == []


def test_they_stop_after_as_many_messages_as_a_thread_may_have(stack: Mailbox, pair: tuple[Agent, Agent]) -> None:
    first, second = pair

    first.messages.send(first.inbox, to=second.inbox, subject="Hello", text="Are you there?")

    assert_settled(pair)
    for agent in pair:
        [thread] = agent.threads()
        assert thread.message_count == 2 * LIMIT
    assert (len(first.refused), len(second.refused)) == (1, 0)
    assert "messages an hour" in first.refused[0]


def test_meanwhile_they_go_on_answering_people_and_writing_to_each_other(stack: Mailbox, pair: tuple[Agent, Agent]) -> None:
    first, second = pair
    first.messages.send(first.inbox, to=second.inbox, subject="Hello", text="Are you there?")
    assert_settled(pair)
    question = f"<{uuid.uuid4().hex}@example.com>"

    stack.deliver(mail(message_id=question, to=f"{first.inbox}, {second.inbox}"), first.inbox, second.inbox)

    for agent in pair:
        path = f"/inboxes/{agent.inbox}/messages/{quote(question, safe='')}"
        asked = eventually(lambda path=path: (answer := stack.http.get(path)).status_code == 200 and answer.json())
        answered = f"/inboxes/{agent.inbox}/threads/{asked['thread_id']}"
        eventually(lambda path=answered: stack.http.get(path).json()["message_count"] == 2)
    assert stack.http.post(f"/inboxes/{first.inbox}/messages/send", {"to": second.inbox, "subject": "New"}).status_code == 200


def test_an_automatic_answer_is_not_answered_at_all(stack: Mailbox, pair: tuple[Agent, Agent]) -> None:
    first, second = pair

    first.messages.send(first.inbox, to=second.inbox, subject="Away", text="x", headers={"Auto-Submitted": "auto-replied"})

    eventually(lambda: second.refused)
    assert "by a program" in second.refused[0]
    [thread] = second.threads()
    assert (thread.message_count, first.refused) == (1, [])
