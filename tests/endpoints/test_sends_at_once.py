"""A hundred requests with one key at once, on each route that sends: one mail, one answer."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from mailroom.config import Config
from tests.support.desk import mail
from tests.support.moto_stack import MotoStack
from tests.support.polling import eventually
from tests.support.stacks import Mailbox

AT_ONCE = 100
TEXT = {"text": "One, please"}


@pytest.fixture(scope="module")
def moto_stack() -> Iterator[Mailbox]:
    with MotoStack(Config(rate_per_second=0)) as running, contextlib.closing(Mailbox(running)) as mailbox:
        yield mailbox


def client(stack: Mailbox, **headers: str) -> httpx.Client:
    headers["Authorization"] = f"Bearer {stack.backend.api_key}"
    limits = httpx.Limits(max_connections=AT_ONCE)
    return httpx.Client(base_url=f"{stack.backend.http}/v0", headers=headers, timeout=60, trust_env=False, limits=limits)


class Conversation:
    """An inbox that has had a mail, and what it can answer with."""

    def __init__(self, stack: Mailbox, name: str) -> None:
        self.stack = stack
        self.inbox = stack.http.post("/inboxes", {"username": name}).json()["inbox_id"]
        stack.deliver(mail(to=self.inbox, message_id=f"<{name}@example.com>"), self.inbox)
        self.messages = f"/inboxes/{self.inbox}/messages"
        [parent] = eventually(lambda: stack.http.get(self.messages).json()["messages"])
        self.parent = f"{self.messages}/{quote(parent['message_id'], safe='')}"

    def request(self, route: str) -> tuple[str, dict[str, Any]]:
        """Path and body."""
        to = {"to": f"{route}@example.com"}
        if route == "send":
            return f"{self.messages}/send", {**to, **TEXT}
        if route == "drafts/send":
            with client(self.stack) as http:
                draft = http.post(f"/inboxes/{self.inbox}/drafts", json={"to": ["draft@example.com"], **TEXT}).json()
            return f"/inboxes/{self.inbox}/drafts/{draft['draft_id']}/send", {}
        return f"{self.parent}/{route}", {**to, **TEXT} if route == "forward" else TEXT

    def sent(self) -> list[dict[str, Any]]:
        found = self.stack.http.get(self.messages, params={"labels": "sent"}).json()["messages"]
        return list(found)


def ask(conversation: Conversation, path: str, body: dict[str, Any], times: int) -> list[httpx.Response]:
    together = threading.Barrier(times)
    with (
        client(conversation.stack, **{"Idempotency-Key": conversation.inbox.partition("@")[0]}) as http,
        ThreadPoolExecutor(times) as pool,
    ):

        def post(_: int) -> httpx.Response:
            together.wait()
            return http.post(path, json=body)

        return list(pool.map(post, range(times)))


def assert_one_mail_and_one_answer(stack: Mailbox, name: str, route: str) -> None:
    conversation, before = Conversation(stack, name), len(stack.sent())
    path, body = conversation.request(route)

    at_once = ask(conversation, path, body, AT_ONCE)
    afterwards = ask(conversation, path, body, 10)

    assert {answer.status_code for answer in at_once} <= {200, 409}
    assert {answer.status_code for answer in afterwards} == {200}
    answers = [answer.json() for answer in (*at_once, *afterwards) if answer.status_code == 200]
    [message] = conversation.sent()
    assert answers == [{name: message[name] for name in ("message_id", "thread_id")}] * len(answers)
    assert len(answers) > 10
    assert all(answer.headers["Retry-After"] == "1" for answer in at_once if answer.status_code == 409)
    assert len(stack.sent()) == before + 1
    assert stack.http.get(f"/inboxes/{conversation.inbox}/drafts").json()["count"] == 0


@pytest.mark.parametrize("route", ["send", "reply", "reply-all", "forward", "drafts/send"])
def test_a_hundred_retries_at_once_send_one_mail(sqlite_stack: Mailbox, route: str) -> None:
    assert_one_mail_and_one_answer(sqlite_stack, f"once-{route.replace('/', '-')}", route)


def test_a_hundred_retries_at_once_send_one_mail_on_aws(moto_stack: Mailbox) -> None:
    assert_one_mail_and_one_answer(moto_stack, "once", "drafts/send")
