"""One story against the deployed stack: an agent gets an address, receives, reads, replies, cleans up."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from agentmail import AgentMail
from agentmail.core.api_error import ApiError
from agentmail.environment import AgentMailEnvironment

from mailroom.clock import now_ms, to_wire
from rehearse.deployment import Deployment
from rehearse.emulator import Emulator

T = TypeVar("T")
PATIENCE_S = 60.0
ATTACHMENT = bytes(range(256)) * 8


@dataclass(frozen=True, slots=True)
class Stage:
    emulator: Emulator
    deployment: Deployment

    def client(self) -> AgentMail:
        answer = self.emulator.client("lambda").invoke(FunctionName=self.deployment.outputs["CreateOrganization"], Payload=b"{}")
        made = json.loads(answer["Payload"].read())
        assert "api_key" in made, f"creating an organization answered {made}"
        base = self.deployment.api(self.emulator)
        return AgentMail(api_key=made["api_key"], environment=AgentMailEnvironment(http=base, websockets=base), timeout=60)

    def arrive(self, raw: bytes, recipient: str) -> None:
        """What SES does with a mail: the object below ses/, then the notice."""
        identity = uuid.uuid4().hex
        bucket, key = self.deployment.outputs["BucketName"], f"ses/{identity}"
        self.emulator.client("s3").put_object(Bucket=bucket, Key=key, Body=raw)
        notice = _notice(identity, recipient, bucket, key)
        self.emulator.client("sns").publish(TopicArn=self.deployment.outputs["InboundTopicArn"], Message=json.dumps(notice))

    def sent(self) -> list[Any]:
        """What the emulator's SES took."""
        with urllib.request.urlopen(f"{self.emulator.url}/_ministack/ses/messages", timeout=10) as answer:
            accounts: dict[str, list[Any]] = json.load(answer)["messages"]
        return [mail for mails in accounts.values() for mail in mails]

    def blobs(self, prefix: str) -> list[str]:
        page = self.emulator.client("s3").list_objects_v2(Bucket=self.deployment.outputs["BucketName"], Prefix=prefix)
        return [entry["Key"] for entry in page.get("Contents", ())]


def tell(emulator: Emulator, deployment: Deployment) -> None:
    stage = Stage(emulator, deployment)
    client = stage.client()
    inbox = client.inboxes.create()
    step(f"an inbox: {inbox.inbox_id}")
    raw = _mail("<question-1@example.com>", inbox.inbox_id)
    stage.arrive(raw, inbox.inbox_id)
    message = until(lambda: _first(client, inbox.inbox_id), "the mail is listed")
    read(client, inbox.inbox_id, message.message_id, raw)
    answer(stage, client, inbox.inbox_id, message)
    slashed(stage, client, inbox.inbox_id)
    clean_up(stage, client, inbox.inbox_id, message.message_id)


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
    stage.arrive(_mail(identity, inbox_id), inbox_id)
    message = until(lambda: _got(client, inbox_id, identity), "the id with a slash is found")
    assert message.message_id == identity
    client.inboxes.messages.delete(inbox_id, identity)
    step("an id with a slash is read and deleted")


def clean_up(stage: Stage, client: AgentMail, inbox_id: str, message_id: str) -> None:
    client.inboxes.messages.delete(inbox_id, message_id)
    assert _got(client, inbox_id, message_id) is None
    client.inboxes.delete(inbox_id)
    until(lambda: None if stage.blobs("org/") else True, "the deleted inbox leaves no blob")
    step("message and inbox are deleted, nothing remains")


def step(text: str) -> None:
    print(f"  {text}", flush=True)


def until(attempt: Callable[[], T | None], what: str) -> T:
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if (value := attempt()) is not None:
            return value
        time.sleep(0.25)
    raise AssertionError(f"not within {PATIENCE_S:.0f} s: {what}")


def download(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        body: bytes = answer.read()
        return body


def _first(client: AgentMail, inbox_id: str) -> Any:
    return next(iter(client.inboxes.messages.list(inbox_id).messages), None)


def _got(client: AgentMail, inbox_id: str, message_id: str) -> Any:
    try:
        return client.inboxes.messages.get(inbox_id, message_id)
    except ApiError as error:
        assert error.status_code == 404, error
        return None


def _mail(message_id: str, recipient: str) -> bytes:
    lines = [
        "From: Ann <ann@example.com>",
        f"To: {recipient}",
        "Subject: An order",
        f"Message-ID: {message_id}",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        "--b",
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Where is my order?",
        "--b",
        'Content-Type: application/pdf; name="order.pdf"',
        'Content-Disposition: attachment; filename="order.pdf"',
        "Content-Transfer-Encoding: base64",
        "",
        base64.encodebytes(ATTACHMENT).decode().replace("\n", "\r\n").rstrip(),
        "--b--",
        "",
    ]
    return "\r\n".join(lines).encode()


def _notice(identity: str, recipient: str, bucket: str, key: str) -> dict[str, Any]:
    timestamp = to_wire(now_ms())
    verdicts = {f"{name}Verdict": {"status": "PASS"} for name in ("spam", "virus", "spf", "dkim", "dmarc")}
    return {
        "notificationType": "Received",
        "mail": {"messageId": identity, "source": "ann@example.com", "timestamp": timestamp, "destination": [recipient]},
        "receipt": {
            "timestamp": timestamp,
            "recipients": [recipient],
            **verdicts,
            "action": {"type": "S3", "bucketName": bucket, "objectKeyPrefix": "ses/", "objectKey": key},
        },
    }
