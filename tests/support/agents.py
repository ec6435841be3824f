"""Agents that have signed up, and what their humans are mailed."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import cast

import httpx

from tests.support.polling import eventually
from tests.support.stacks import Mailbox, Strict

_CODE = re.compile(r"^\s*(\d{6})\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Agent:
    organization_id: str
    inbox_id: str
    api_key: str
    http: Strict

    def send(self, *to: str) -> httpx.Response:
        return self.http.post(f"/inboxes/{self.inbox_id}/messages/send", {"to": list(to), "subject": "s", "text": "x"})


def somebody() -> str:
    """A person that nobody knows yet."""
    return f"h{uuid.uuid4().hex[:12]}@example.com"


def signed_up(stack: Mailbox, human: str | None = None) -> Agent:
    body = {"username": f"a{uuid.uuid4().hex[:12]}", **({"human_email": human} if human else {})}
    answer = stack.strict(None).post("/agent/sign-up", body)
    assert answer.status_code == 200, answer.text
    return agent_of(stack, answer)


def agent_of(stack: Mailbox, answer: httpx.Response) -> Agent:
    made = answer.json()
    return Agent(made["organization_id"], made["inbox_id"], made["api_key"], stack.strict(made["api_key"]))


def letters(stack: Mailbox, human: str) -> list[EmailMessage]:
    """What the person was mailed, oldest first."""
    mails = map(_read, stack.sent())
    return [mail for mail in mails if mail["To"] == human and str(mail["From"]).startswith("Mailroom ")]


def code_of(raw: bytes) -> str:
    return code_in(_read(raw))


def code_in(letter: EmailMessage) -> str:
    part = letter.get_body(("plain",))
    assert part is not None
    (code,) = _CODE.findall(part.get_content())
    return str(code)


def _read(raw: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(raw, policy=policy.default))


def codes_for(stack: Mailbox, human: str, count: int = 1) -> list[str]:
    """Waits for so many letters."""
    eventually(lambda: len(letters(stack, human)) >= count)
    return [code_in(letter) for letter in letters(stack, human)]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def verified(stack: Mailbox, human: str | None = None) -> Agent:
    human = human or somebody()
    agent = signed_up(stack, human)
    (code,) = codes_for(stack, human)
    assert agent.http.post("/agent/verify", {"otp_code": code}).status_code == 200
    return agent
