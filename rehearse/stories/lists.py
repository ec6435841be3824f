"""Who may write, and who may be written to: lists of an inbox and of the organization, and what they refuse."""

from __future__ import annotations

from typing import Any

from agentmail import AgentMail
from agentmail.core.api_error import ApiError

from rehearse.mails import plain
from rehearse.stage import Stage, step, until

BLOCKED = "<blocked@example.com>"
STRANGER, FRIEND = "stranger@elsewhere.example", "friend@friends.example"


def tell(stage: Stage) -> None:
    client = stage.account().client
    inbox_id = client.inboxes.create().inbox_id
    received(stage, client, inbox_id)
    sent(client, inbox_id)


def received(stage: Stage, client: AgentMail, inbox_id: str) -> None:
    client.inboxes.lists.create(inbox_id, "receive", "block", entry="example.com", reason="spam")
    stage.arrive(plain(BLOCKED, inbox_id, "Buy now"), inbox_id)
    item = until(lambda: next(iter(_blocked(client, inbox_id)), None), "the mail is there")
    assert (item.message_id, "blocked" in item.labels) == (BLOCKED, True)
    assert not client.inboxes.messages.list(inbox_id).messages
    step("a blocked sender's mail is kept, labelled and out of sight")


def sent(client: AgentMail, inbox_id: str) -> None:
    client.lists.create("send", "allow", entry="friends.example")
    (entry,) = client.lists.list("send", "allow").entries
    assert (entry.entry, entry.entry_type) == ("friends.example", "domain")
    assert _refused(client, inbox_id, STRANGER) == (403, "message_rejected")
    client.inboxes.messages.send(inbox_id, to=FRIEND, subject="Hello", text="Are you there?")
    client.lists.delete("send", "allow", "friends.example")
    client.inboxes.messages.send(inbox_id, to=STRANGER, subject="Hello", text="And you?")
    step("an allow list lets out only what is on it, as long as there is one")


def _blocked(client: AgentMail, inbox_id: str) -> list[Any]:
    return list(client.inboxes.messages.list(inbox_id, include_blocked=True).messages)


def _refused(client: AgentMail, inbox_id: str, recipient: str) -> tuple[int | None, str]:
    try:
        client.inboxes.messages.send(inbox_id, to=recipient, subject="Hello", text="Are you there?")
    except ApiError as error:
        body: Any = error.body
        return error.status_code, str(body["code"] if isinstance(body, dict) else body.code)
    raise AssertionError("a recipient who is not allowed was written to")
