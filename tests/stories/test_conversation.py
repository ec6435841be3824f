"""The main job, end to end: mail comes in by SMTP, an agent reads and answers it through the SDK, the answer leaves by a relay."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import httpx
from agentmail import AgentMail
from agentmail.environment import AgentMailEnvironment
from agentmail.inboxes.types import CreateInboxRequest

from local import Stack
from tests.support.outside import Outside
from tests.support.polling import eventually


def write(stack: Stack, to: str, **fields: str) -> None:
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.com>", to
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    message.set_content("Can you help?\n")
    with smtplib.SMTP(*stack.smtp) as smtp:
        smtp.send_message(message, from_addr="ann@example.com", to_addrs=[to])


def test_a_conversation_with_an_agent() -> None:
    with Outside.open() as outside, Stack(relay=outside.address) as stack, httpx.Client(timeout=60, trust_env=False) as http:
        environment = AgentMailEnvironment(http=stack.http, websockets=stack.ws)
        client = AgentMail(api_key=stack.api_key, environment=environment, httpx_client=http)
        inbox = client.inboxes.create(request=CreateInboxRequest(username="helper", display_name="Helper"))

        write(stack, inbox.inbox_id, Subject="Question", Message_ID="<q1@example.com>")
        [question] = eventually(lambda: client.inboxes.messages.list(inbox.inbox_id).messages)
        reply = client.inboxes.messages.reply(inbox.inbox_id, question.message_id, text="Of course.")
        [(recipients, answer)] = eventually(lambda: outside.mails)
        write(
            stack,
            inbox.inbox_id,
            Subject="Re: Question",
            Message_ID="<q2@example.com>",
            In_Reply_To=str(answer["Message-ID"]),
            References=f"{answer['References']} {answer['Message-ID']}",
        )
        eventually(lambda: client.inboxes.threads.get(inbox.inbox_id, reply.thread_id).message_count == 3)

        assert recipients == ["ann@example.com"]
        assert (answer["From"], answer["Subject"]) == (f"Helper <{inbox.inbox_id}>", "Re: Question")
        assert (answer["In-Reply-To"], answer["References"]) == ("<q1@example.com>", "<q1@example.com>")
        assert answer["Message-ID"] == reply.message_id
        thread = client.inboxes.threads.get(inbox.inbox_id, reply.thread_id)
        assert [message.message_id for message in thread.messages] == ["<q1@example.com>", reply.message_id, "<q2@example.com>"]
        assert thread.labels == ["received", "sent", "unread"]
