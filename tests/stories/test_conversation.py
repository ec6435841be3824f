"""The main job, end to end, on the program that `make run` starts: mail comes in by SMTP, an agent reads and answers it through
the SDK, the answer leaves by a relay, and what comes back joins the thread. Also after a kill in between."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment
from agentmail.inboxes.types import CreateInboxRequest

from tests.support.outside import Outside
from tests.support.polling import eventually
from tests.support.program import Program


class Running:
    """The program, and the SDK on it."""

    def __init__(self, data: Path, outside: Outside) -> None:
        self.program = Program(MAILROOM_DATA=str(data), MAILROOM_SMTP_RELAY="{}:{}".format(*outside.address))
        self._http = httpx.Client(timeout=60, trust_env=False)

    def __enter__(self) -> Running:
        self.ready: dict[str, Any] = self.program.ready()
        environment = AgentMailEnvironment(http=self.ready["http"], websockets=self.ready["ws"])
        self.client = AgentMail(api_key=self.ready["api_key"], environment=environment, httpx_client=self._http)
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        self.program.kill()

    def write(self, to: str, **fields: str) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "Ann <ann@example.com>", to
        for name, value in fields.items():
            message[name.replace("_", "-")] = value
        message.set_content("Can you help?\n")
        host, port = self.ready["smtp"].split(":")
        with smtplib.SMTP(host, int(port)) as smtp:
            smtp.send_message(message, from_addr="ann@example.com", to_addrs=[to])


@pytest.mark.parametrize("killed", [False, True], ids=["in one go", "killed after each step"])
def test_a_conversation_with_an_agent(tmp_path: Path, killed: bool) -> None:
    with Outside.open() as outside:
        running = Running(tmp_path, outside).__enter__()

        def next_life() -> Running:
            if not killed:
                return running
            running.__exit__()
            return Running(tmp_path, outside).__enter__()

        try:
            inbox = running.client.inboxes.create(request=CreateInboxRequest(username="helper", display_name="Helper"))
            running.write(inbox.inbox_id, Subject="Question", Message_ID="<q1@example.com>")
            running = next_life()
            listed = running.client.inboxes.messages.list
            [question] = eventually(lambda: listed(inbox.inbox_id).messages)
            text = running.client.inboxes.messages.get(inbox.inbox_id, question.message_id).extracted_text
            reply = running.client.inboxes.messages.reply(inbox.inbox_id, question.message_id, text="Of course.")
            running = next_life()
            eventually(lambda: outside.mails)
            recipients, answer = outside.mails[0]
            running.write(
                inbox.inbox_id,
                Subject="Re: Question",
                Message_ID="<q2@example.com>",
                In_Reply_To=str(answer["Message-ID"]),
                References=f"{answer['References']} {answer['Message-ID']}",
            )
            running = next_life()
            threads = running.client.inboxes.threads
            eventually(lambda: threads.get(inbox.inbox_id, reply.thread_id).message_count == 3)
            eventually(lambda: "delivered" in threads.get(inbox.inbox_id, reply.thread_id).labels)
            thread = threads.get(inbox.inbox_id, reply.thread_id)
        finally:
            running.__exit__()

    assert text is not None
    assert text.strip() == "Can you help?"
    assert recipients == ["ann@example.com"]
    assert {str(mail["Message-ID"]) for _, mail in outside.mails} == {reply.message_id}
    assert (answer["From"], answer["Subject"]) == (f"Helper <{inbox.inbox_id}>", "Re: Question")
    assert (answer["In-Reply-To"], answer["References"]) == ("<q1@example.com>", "<q1@example.com>")
    assert [message.message_id for message in thread.messages] == ["<q1@example.com>", reply.message_id, "<q2@example.com>"]
    assert thread.labels == ["delivered", "received", "sent", "unread"]
