"""An agent gets an address, receives, reads, replies, cleans up."""

from __future__ import annotations

from typing import Any

from agentmail import AgentMail
from agentmail.core.api_error import ApiError

from rehearse.mails import ATTACHMENT, with_attachment
from rehearse.stage import Account, Stage, download, step, until


def tell(stage: Stage) -> None:
    account = stage.account()
    client = account.client
    inbox = client.inboxes.create()
    step(f"an inbox: {inbox.inbox_id}")
    raw = with_attachment("<question-1@example.com>", inbox.inbox_id)
    stage.arrive(raw, inbox.inbox_id)
    message = until(lambda: _first(client, inbox.inbox_id), "the mail is listed")
    read(client, inbox.inbox_id, message.message_id, raw)
    answer(stage, client, inbox.inbox_id, message)
    slashed(stage, client, inbox.inbox_id)
    clean_up(stage, account, inbox.inbox_id, message.message_id)


def read(client: AgentMail, inbox_id: str, message_id: str, raw: bytes) -> None:
    message = client.inboxes.messages.get(inbox_id, message_id)
    assert message.text is not None
    assert "Where is my order?" in message.text
    assert set(message.labels) >= {"received", "unread"}
    (attachment,) = message.attachments or []
    link = client.inboxes.messages.get_attachment(inbox_id, message_id, attachment.attachment_id)
    assert download(link.download_url) == ATTACHMENT
    assert download(client.inboxes.messages.get_raw(inbox_id, message_id).download_url) == raw
    step("the mail is read, attachment and raw bytes are downloaded")


def answer(stage: Stage, client: AgentMail, inbox_id: str, message: Any) -> None:
    before = len(stage.sent())
    reply = client.inboxes.messages.reply(inbox_id, message.message_id, text="On its way.")
    assert reply.thread_id == message.thread_id
    (mail,) = stage.sent()[before:]
    assert (mail["To"], mail["Subject"]) == (["ann@example.com"], "Re: An order")
    # The emulator forgets the headers of what it takes; the copy as sent has them.
    raw = download(client.inboxes.messages.get_raw(inbox_id, reply.message_id).download_url)
    assert f"In-Reply-To: {message.message_id}".encode() in raw
    thread = client.inboxes.threads.get(inbox_id, reply.thread_id)
    assert [one.message_id for one in thread.messages] == [message.message_id, reply.message_id]
    client.inboxes.messages.update(inbox_id, message.message_id, add_labels=["done"], remove_labels=["unread"])
    until(lambda: [m.message_id for m in client.inboxes.messages.list(inbox_id, labels=["done"]).messages] or None, "labelled")
    step("the reply left with threading headers and stands in the thread")


def slashed(stage: Stage, client: AgentMail, inbox_id: str) -> None:
    """The Python SDK sends a slash in an id as it is."""
    identity = "<with/slash@example.com>"
    stage.arrive(with_attachment(identity, inbox_id), inbox_id)
    message = until(lambda: _got(client, inbox_id, identity), "the id with a slash is found")
    assert message.message_id == identity
    client.inboxes.messages.delete(inbox_id, identity)
    step("an id with a slash is read and deleted")


def clean_up(stage: Stage, account: Account, inbox_id: str, message_id: str) -> None:
    client = account.client
    organization_id = client.organizations.get().organization_id
    client.inboxes.messages.delete(inbox_id, message_id)
    assert _got(client, inbox_id, message_id) is None
    client.inboxes.delete(inbox_id)
    until(lambda: None if stage.blobs(f"org/{organization_id}/") else True, "the deleted inbox leaves no blob")
    step("message and inbox are deleted, nothing remains")


def _first(client: AgentMail, inbox_id: str) -> Any:
    return next(iter(client.inboxes.messages.list(inbox_id).messages), None)


def _got(client: AgentMail, inbox_id: str, message_id: str) -> Any:
    try:
        return client.inboxes.messages.get(inbox_id, message_id)
    except ApiError as error:
        assert error.status_code == 404, error
        return None
